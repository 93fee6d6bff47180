using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Resources;

/// <summary>A lease (coordination.k8s.io/v1): who leads, and until when.</summary>
/// <remarks>The package's V1Lease writes times of whole seconds without the six digits that the server requires, and loses fields of later versions with an update.</remarks>
public sealed record Lease : IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public string? ApiVersion { get; set; } = "coordination.k8s.io/v1";

    /// <inheritdoc/>
    public string? Kind { get; set; } = "Lease";

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set => field = value ?? new(); } = new();

    /// <summary>What it says.</summary>
    public LeaseSpec Spec { get; init => field = value ?? new(); } = new();
}
