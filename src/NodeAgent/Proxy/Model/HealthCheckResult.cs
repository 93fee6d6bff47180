namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What has come of asking a backend whether it is well.</summary>
internal enum HealthCheckResult
{
    /// <summary>It is.</summary>
    Passed,

    /// <summary>It says that it is not, or something that is no answer, or nothing in time, or was not reached.</summary>
    Failed,

    /// <summary>It was not asked, as policy does not allow it or this node has no room: that says nothing of it.</summary>
    NotAsked,
}
