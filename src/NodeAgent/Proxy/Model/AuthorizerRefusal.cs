using Culvert.Core;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>Why external authorizers do not let a request pass.</summary>
/// <param name="Rule">By which rule who was asked that does not, or could not be.</param>
/// <param name="Status">The status of what the client is told.</param>
/// <param name="Answer">What else the authorizer has it told; null: it was not asked, or has not answered.</param>
/// <param name="Failure">Why not, in words; null: it has answered.</param>
internal sealed record AuthorizerRefusal(AuthorizerRule Rule, int Status, DeniedAnswer? Answer, string? Failure);
