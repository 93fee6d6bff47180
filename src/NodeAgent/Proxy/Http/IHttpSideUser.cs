using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Who uses a side: is told when it may go on. Called on the loop's thread; must not throw.</summary>
internal interface IHttpSideUser : IBufferHolder
{
    /// <summary>A side can be received from, or takes something, that could or did not before; or it is over. Does all that can be done.</summary>
    void Advance();
}
