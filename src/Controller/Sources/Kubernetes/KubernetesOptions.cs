using Culvert.Controller.Schema;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>How a controller uses a cluster.</summary>
/// <param name="Configuration">Where its API is, and who asks.</param>
internal sealed record KubernetesOptions(ClusterConfiguration Configuration)
{
    /// <summary>The lease that the controller which writes statuses holds.</summary>
    public ResourceName Lease { get; init; } = new(Names.RootNamespace, "culvert-controller");

    /// <summary>Who this controller is among those that stand for it: another for each process.</summary>
    public string Identity { get; init; } = $"{Environment.MachineName}_{Guid.NewGuid():N}";

    /// <summary>How patiently objects are kept up to date.</summary>
    public ReflectorOptions Reflector { get; init; } = new();

    /// <summary>Statuses written a second, on average.</summary>
    public double StatusesPerSecond { get; init; } = 20;

    /// <summary>Statuses written at once after a pause.</summary>
    public int StatusBurst { get; init; } = 50;
}
