namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Who uses a connection of HTTP/2. Called on its loop; must not throw.</summary>
internal interface IHttp2LinkUser
{
    /// <summary>The peer has said how many streams it takes.</summary>
    void OnSettings(Http2Link link);

    /// <summary>The peer takes no more streams; those that run go on.</summary>
    void OnGoAway(Http2Link link);

    /// <summary>It is over: its streams have been told.</summary>
    void OnClosed(Http2Link link);
}
