using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Turns a limit as declared into what nodes count by. Pure.</summary>
internal static class RateLimitCompiler
{
    /// <summary>What nodes count by.</summary>
    /// <param name="limit">As declared.</param>
    /// <param name="conditionsCount">Whether there is room for its conditions; otherwise all requests count for the slowest of its rules.</param>
    public static PolicyInfo Compile(RateLimitObject limit, bool conditionsCount) => conditionsCount || limit.Policy.Rules.IsEmpty ? limit.Policy : limit.Policy with
    {
        Rules = [new PolicyRule { Limit = limit.Policy.Rules.Select(r => r.Limit!).MaxBy(l => l.Interval)! with { By = RateLimitBy.All, Header = "" } }],
    };
}
