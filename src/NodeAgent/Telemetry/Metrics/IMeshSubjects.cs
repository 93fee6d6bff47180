using Culvert.Core;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>Says which subjects of series exist. Called from one thread at a time.</summary>
internal interface IMeshSubjects
{
    /// <summary>Prepares the answers for a sweep, before a family is locked that event loops may wait for.</summary>
    void Refresh();

    /// <summary>Whether a workload of this name exists on any node.</summary>
    bool HasWorkload(NamespacedName name);

    /// <summary>Whether a Service of this name exists.</summary>
    bool HasService(NamespacedName name);

    /// <summary>Whether a route of this name exists, of any kind.</summary>
    bool HasRoute(NamespacedName name);

    /// <summary>Whether a policy exists, by its text in a label.</summary>
    bool HasPolicy(string policy);

    /// <summary>Whether a RequestAuthentication names an issuer of tokens.</summary>
    bool HasIssuer(string issuer);
}
