namespace Culvert.Core;

/// <summary>A rule of a <see cref="PolicyAction.Custom"/> policy that the source and port of a connection meet.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="RuleIndex">Which of its rules, from 0.</param>
/// <param name="Name">Whom it asks, as it calls them.</param>
/// <param name="Authorizer">Whom it asks; null: there is nobody of that name, so that nothing is allowed.</param>
/// <param name="IsItself">Whether the port that requests are for is an external authorizer's own: then nothing is allowed, for to ask would make another request of that kind.</param>
public sealed record AuthorizerRule(NamespacedName Policy, int RuleIndex, string Name, ExternalAuthorizer? Authorizer, bool IsItself);
