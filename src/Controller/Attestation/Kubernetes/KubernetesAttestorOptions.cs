using Culvert.Controller.Schema;
using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Attestation.Kubernetes;

/// <summary>Whose tokens make somebody a node.</summary>
internal sealed record KubernetesAttestorOptions
{
    /// <summary>Audience of the tokens unless said otherwise: one that nobody else takes, so that no other service can pass on what it was shown.</summary>
    public const string DefaultAudience = "culvert-controller";

    /// <summary>Service account that agents run as unless said otherwise.</summary>
    public static readonly ResourceName DefaultServiceAccount = new(Names.RootNamespace, "culvert-agent");

    /// <summary>The audience that a token must be for.</summary>
    public string Audience { get; init; } = DefaultAudience;

    /// <summary>The service account that a token must be of.</summary>
    public ResourceName ServiceAccount { get; init; } = DefaultServiceAccount;

    /// <summary>The same as an API server names it.</summary>
    public string Username => $"system:serviceaccount:{ServiceAccount.Namespace}:{ServiceAccount.Name}";
}
