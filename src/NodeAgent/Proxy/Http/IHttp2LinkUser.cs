namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Who uses a connection of HTTP/2. Called on its loop; must not throw.</summary>
internal interface IHttp2LinkUser
{
    /// <summary>The peer's settings have come: its first, or others.</summary>
    void OnSettings(Http2Link link);

    /// <summary>The peer may take streams that it did not take before; called once a second as well.</summary>
    void OnMayOpen(Http2Link link);

    /// <summary>The peer takes no more streams, or has failed; those that run go on, or have been told. May be called more than once.</summary>
    void OnLeaving(Http2Link link);

    /// <summary>It is over: its streams have been told.</summary>
    void OnClosed(Http2Link link);
}
