namespace Culvert.Core;

/// <summary>The kinds of objects that decide about connections.</summary>
public enum PolicyKind
{
    /// <summary>AuthorizationPolicy of culvert.dev/v1alpha1: by identity and address, at the destination.</summary>
    AuthorizationPolicy,

    /// <summary>NetworkPolicy of networking.k8s.io/v1: by address, at either end.</summary>
    NetworkPolicy,

    /// <summary>RequestAuthentication of culvert.dev/v1alpha1: by the token of a request, at the destination.</summary>
    RequestAuthentication,
}
