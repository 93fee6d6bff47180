namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What has come of a hedge: of sending a request that has no answer yet to a further backend.</summary>
internal enum HedgeOutcome
{
    /// <summary>Its answer is the client's.</summary>
    Won,

    /// <summary>It was ended: another was answered first, or the request was given up.</summary>
    Lost,

    /// <summary>It has failed, or was answered with what the route has requests sent again for.</summary>
    Failed,

    /// <summary>It was not sent: there is no other backend that may have it.</summary>
    NoBackend,

    /// <summary>It was not sent: it would have had to wait for its place, or for a connection, or there is no more room for it.</summary>
    NoRoom,

    /// <summary>It was not sent: there were as many repetitions as the Service's retry budget allows.</summary>
    NoBudget,
}
