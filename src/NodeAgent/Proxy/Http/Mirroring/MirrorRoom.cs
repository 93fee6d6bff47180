using Culvert.Core;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Mirroring;

/// <summary>What the copies of requests on one loop share: room, and what they go by. Belongs to its loop's thread.</summary>
/// <param name="loop">The loop.</param>
/// <param name="options">Limits.</param>
/// <param name="loops">How many loops share the room for bytes.</param>
/// <param name="servers">Connections to servers of HTTP/1.1.</param>
/// <param name="dialer">Makes those to servers of HTTP/2.</param>
/// <param name="observer">Hears what has become of copies.</param>
/// <param name="time">The clock.</param>
internal sealed class MirrorRoom(EventLoop loop, HttpOptions options, int loops, Http1Servers servers, RequestDialer dialer, IProxyObserver observer, TimeProvider time)
{
    private int _running;
    private int _copied;

    internal EventLoop Loop => loop;

    internal HttpOptions Options => options;

    /// <summary>Connections to servers of HTTP/1.1.</summary>
    internal Http1Servers Servers => servers;

    /// <summary>Makes connections to servers of HTTP/2, for copies of one client's requests.</summary>
    internal Http2ServersOfClient MakeHttp2Servers(IHttp2ServerUser user, ProxyConnectionInfo client) => new(user, client, dialer, observer, loop, options, time);

    /// <summary>Takes a place for a copy that goes on its way.</summary>
    internal bool TryTakePlace()
    {
        if (_running >= options.Mirrors.MaxRunning) return false;
        _running++;
        return true;
    }

    /// <summary>It is over.</summary>
    internal void LeavePlace() => _running--;

    /// <summary>Takes room for bytes of a head or body.</summary>
    internal bool TryTake(int bytes)
    {
        if (_copied + bytes > options.Mirrors.MaxCopied / loops) return false;
        _copied += bytes;
        return true;
    }

    /// <summary>They are not kept any more.</summary>
    internal void Release(int bytes) => _copied -= bytes;

    /// <summary>Tells what has become of a copy.</summary>
    internal void Report(HttpRouteMirror mirror, MirrorResult result) => observer.OnMirrored(mirror.Service, result);
}
