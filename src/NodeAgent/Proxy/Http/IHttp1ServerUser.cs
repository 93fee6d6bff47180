using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Who uses a connection to a server. Called on its loop; must not throw.</summary>
internal interface IHttp1ServerUser : IHttpSideUser
{
    /// <summary>It is broken. What came before may still be received, unless its transport is closed.</summary>
    void OnServerBroken();

    /// <summary>Bytes that the client has got of it, and of others before.</summary>
    long BytesReceived { get; }

    /// <summary>Ends the requests that go by it.</summary>
    /// <param name="failure">Why.</param>
    void Abort(ProxyFailure failure);
}
