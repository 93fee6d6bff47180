using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Turns an AuthorizationPolicy as declared into what nodes evaluate. Pure.</summary>
internal static class AuthorizationPolicyCompiler
{
    /// <summary>What nodes evaluate.</summary>
    /// <param name="policy">As declared.</param>
    /// <param name="conditionsCount">Whether there is room for its conditions; otherwise it allows nothing, or denies all, to those whom it selects.</param>
    public static PolicyInfo Compile(AuthorizationPolicyObject policy, bool conditionsCount) => policy.Policy switch
    {
        var declared when conditionsCount => declared,
        { Action: PolicyAction.Deny or PolicyAction.Custom } declared => declared with { Action = PolicyAction.Deny, Authorizer = "", Rules = [new PolicyRule()] },
        var declared => declared with { Rules = [] },
    };
}
