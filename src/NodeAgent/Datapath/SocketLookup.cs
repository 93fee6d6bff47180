using Culvert.Interop;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// The program at the socket lookup of this network namespace, by a pinned link: without an agent it goes on refusing what is for the proxy, which a
/// socket of the node would get otherwise. What a previous agent left is taken over and its program replaced in place. Not thread-safe.
/// </summary>
internal sealed class SocketLookup : IDisposable
{
    /// <summary>Name of the pin; those of interfaces end otherwise.</summary>
    internal const string PinName = "sk_lookup";

    private readonly PinFolder _pins;

    private SocketLookup(PinFolder pins, BpfLink link) => (_pins, Link) = (pins, link);

    /// <summary>The pinned link.</summary>
    internal BpfLink Link { get; }

    /// <summary>Attaches the program to the calling thread's network namespace.</summary>
    /// <exception cref="BpfException">The kernel refused.</exception>
    internal static SocketLookup Attach(BpfProgram program, PinFolder pins)
    {
        string pin = pins.Link(PinName);
        if (Adopt(program, pins, pin) is { } old) return new SocketLookup(pins, old);
        BpfLink link = BpfLink.AttachSocketLookup(program);
        try
        {
            link.Pin(pin);
            return new SocketLookup(pins, link);
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    /// <summary>Detaches the program. Must come after those that leave packets to it.</summary>
    internal void Detach()
    {
        _pins.Unpin(_pins.Link(PinName));
        Link.Detach();
    }

    /// <summary>Lets go of the descriptor; the pinned link stays attached.</summary>
    public void Dispose() => Link.Dispose();

    private static BpfLink? Adopt(BpfProgram program, PinFolder pins, string pin)
    {
        if (!File.Exists(pin)) return null;
        BpfLink old = BpfLink.OpenPinned(pin);
        try
        {
            using NetworkNamespace here = NetworkNamespace.Current();
            if (old.Info.NetworkNamespaceInode == here.Inode)
            {
                old.Update(program);
                return old;
            }
        }
        catch (BpfException e) when (e.Errno == Errno.ENOLINK)
        {
            // The namespace of that link has gone meanwhile.
        }
        catch
        {
            old.Dispose();
            throw;
        }
        old.Dispose();
        pins.Unpin(pin);
        return null;
    }
}
