using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Watches;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>The watch of a kind, whatever its record is.</summary>
internal interface IKindWatch
{
    /// <summary>The kind as roles name it: <c>plural.group</c>.</summary>
    string Resource { get; }

    /// <summary>The path of its objects at the server.</summary>
    string Place { get; }

    /// <summary>Whether the server has the kind, as far as is known; false only for those that it need not have.</summary>
    bool IsThere => true;

    /// <summary>Whether its objects can come into force, so that nothing does before they are listed.</summary>
    bool Counts => true;

    /// <summary>Why the server's objects of the kind can't be watched at all; null when they can, or there are none.</summary>
    string? Unwatchable => null;

    /// <summary>Whether all its objects have been told once.</summary>
    bool IsListed { get; }

    /// <summary>Whether its objects say by conditions where they are in force.</summary>
    bool HasConditions => false;

    /// <summary>The version up to which all is told; 0 while that is not known, as where the server's versions are no numbers.</summary>
    ulong Mark { get; }

    /// <summary>Why what was told may be out of date; null when it is not.</summary>
    ApiException? Trouble { get; }

    /// <summary>All that its objects declare.</summary>
    IEnumerable<Declaration> Declarations { get; }

    /// <summary>Watches until it is stopped.</summary>
    Task RunAsync(IKubernetesClient client, ReflectorOptions options, KubernetesMetrics metrics, TimeProvider time, ILogger logger, CancellationToken stop);
}
