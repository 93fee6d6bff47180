namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>What has become of asking a rate limit service about a request; nothing of all this where there is nothing to ask.</summary>
/// <param name="Call">The question, which is on its way.</param>
/// <param name="Known">What a quota says without it.</param>
/// <param name="IsCrowded">Whether it was not asked, as too many questions are on their way.</param>
internal readonly record struct LimitQuestion(LimitCall? Call = null, LimitAnswer? Known = null, bool IsCrowded = false);
