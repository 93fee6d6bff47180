using Culvert.Core;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>Why a rate limit service does not let a request pass.</summary>
/// <param name="Rule">By which rule it was asked.</param>
/// <param name="Answer">What the service has the client told; null: it was not asked, or has not answered.</param>
/// <param name="Failure">Why not, in words; null: it has answered.</param>
/// <param name="IsCrowded">Whether too many questions wait, so that it was not asked.</param>
internal sealed record LimitRefusal(GlobalLimitRule Rule, DeniedAnswer? Answer, string? Failure, bool IsCrowded = false);
