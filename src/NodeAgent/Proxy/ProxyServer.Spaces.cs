using System.Net;
using Culvert.Hosting;
using Culvert.Interop;
using Culvert.Interop.Netlink;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy;

/// <content>Pods that are captured inside their network namespaces: the same loops have listeners there.</content>
internal sealed partial class ProxyServer
{
    // What a namespace without the family says: its lo has no such address, or its kernel no such sockets.
    private const int AddressNotAvailable = (int)SocketErrno.AddressNotAvailable;
    private const int AddressFamilyNotSupported = (int)SocketErrno.AddressFamilyNotSupported;

    // What a loop may need in a namespace besides: those that answer without a port and those that tell of closed ports, for each family.
    private const int RawSockets = 4;

    private readonly Dictionary<PodSpace, SpaceListeners> _spaces = [];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Makes listeners in a pod's namespace, at ports that its kernel has free, since the pod's own must not be taken. They are served when this returns, or soon.</summary>
    /// <param name="space">A space that is not open yet.</param>
    /// <exception cref="KernelException">The namespace can't be entered, it has neither IPv4 nor IPv6, a capability is missing, or descriptors are. Nothing is left there.</exception>
    internal SpaceListeners OpenSpace(PodSpace space)
    {
        SpaceListeners listeners = BindIn(space);
        lock (_spaces)
        {
            int used = SpaceSocketsInUse(), more = SocketsOf(listeners);
            bool fits = used + more <= _options.MaxSpaceSockets;
            if (_stopped || space.IsClosed || !fits || !_spaces.TryAdd(space, listeners))
            {
                foreach (ProxyListener listener in listeners.All) listener.Handle.Dispose();
                if (!fits)
                {
                    throw new KernelException($"keep {more} sockets in the network namespace of {space.Uid}", (int)SocketErrno.ProcessDescriptorLimit,
                        $"{used} of the {_options.MaxSpaceSockets} descriptors that the agent's limit leaves for them are in use; {DescriptorLimit.Remedy}");
                }

                ObjectDisposedException.ThrowIf(_stopped, this);
                throw new InvalidOperationException($"the space of {space.Uid} is open, or has been");
            }

            // Before whoever closes it can post the contrary.
            foreach (ProxyListener listener in listeners.Outbound) _loops[listener.Loop].Loop.Post(() => _loops[listener.Loop].ListenForPods(listener.Handle, space));
            foreach (ProxyListener listener in listeners.Tunnels) _loops[listener.Loop].Loop.Post(() => _loops[listener.Loop].ListenForTunnels(listener.Handle, space));
            foreach (ProxyListener listener in listeners.Plain) _loops[listener.Loop].Loop.Post(() => _loops[listener.Loop].ListenDatagrams(listener, headers: false, space));
        }

        return listeners;
    }

    /// <summary>
    /// Gives a space up, for good: its listeners and tunnels close, and what still runs there is reset. When the task ends, that is done, and the proxy has no socket there but those that are being
    /// connected, which end by their time limits. A space that is not open can't be opened afterwards.
    /// </summary>
    /// <param name="space">The space.</param>
    internal async Task CloseSpaceAsync(PodSpace space)
    {
        SpaceListeners? listeners;
        lock (_spaces)
        {
            space.Close();
            if (!_spaces.Remove(space, out listeners)) return;
        }

        // A loop that has ended does nothing any more.
        if (_started) await await Task.WhenAny(InvokeAllAsync(loop => loop.CloseOf(space)), _ended.Task);
        foreach (ProxyListener listener in listeners.All) listener.Handle.Dispose();
    }

    private int SpaceSocketsInUse()
    {
        lock (_spaces) return _spaces.Values.Sum(SocketsOf);
    }

    private int SocketsOf(SpaceListeners listeners) => listeners.Count + (_loops.Length * RawSockets);

    private ProxyListener[] SpacesListeners()
    {
        lock (_spaces) return [.. _spaces.Values.SelectMany(s => s.All)];
    }

    private SpaceListeners BindIn(PodSpace space)
    {
        List<ProxyListener> outbound = [], tunnels = [], plain = [];
        using HomeNamespace home = HomeNamespace.OfThisThread();
        using HomeNamespace.Visit visit = home.Enter(space.Namespace, out SocketErrno error);
        if (error != SocketErrno.None) throw new KernelException($"enter the network namespace {space.Namespace.Description}", (int)error);
        KernelException? missing = null;
        try
        {
            foreach (IPAddress loopback in new[] { IPAddress.Loopback, IPAddress.IPv6Loopback })
            {
                SocketEndPoint address = new(loopback, 0);
                try
                {
                    BindAll(address, outbound, ProxyListener.BindForPods);
                    BindAll(address, tunnels, ProxyListener.BindForTunnels);
                    BindAll(address, plain, ProxyListener.BindDatagrams);
                }
                catch (KernelException exception) when (exception.Errno is AddressNotAvailable or AddressFamilyNotSupported)
                {
                    missing = exception;
                }
            }

            return outbound.Count > 0 ? new SpaceListeners(outbound, tunnels, plain) : throw missing!;
        }
        catch
        {
            foreach (ProxyListener listener in outbound.Concat(tunnels).Concat(plain)) listener.Handle.Dispose();
            throw;
        }
    }
}
