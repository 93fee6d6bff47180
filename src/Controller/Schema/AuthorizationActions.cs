using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>What the actions of AuthorizationPolicies are to nodes.</summary>
internal static class AuthorizationActions
{
    /// <summary>The action of a policy; null: there is none.</summary>
    public static PolicyAction? Of(AuthorizationAction? action) => action switch
    {
        null => null,
        AuthorizationAction.Allow => PolicyAction.Allow,
        AuthorizationAction.Deny => PolicyAction.Deny,
        AuthorizationAction.Custom => PolicyAction.Custom,
        _ => PolicyAction.Audit,
    };
}
