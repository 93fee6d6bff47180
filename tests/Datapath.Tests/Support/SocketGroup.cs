using System.Net.Sockets;
using System.Runtime.InteropServices;
using Culvert.Interop.Bpf;

namespace Culvert.Datapath.Tests.Support;

/// <summary>
/// Sockets in slots of a sockmap that go together. The slots are emptied by hand: a program that another test is starting may hold a copy of a socket until it runs, and a
/// slot is empty by itself only when the last copy is closed.
/// </summary>
internal sealed class SocketGroup(BpfMap slots) : IDisposable
{
    private readonly List<(uint Slot, Socket Socket)> _sockets = [];

    internal void Add(uint slot, Socket socket)
    {
        slots.SetDescriptor(slot, socket.SafeHandle);
        _sockets.Add((slot, socket));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((uint slot, Socket socket) in _sockets)
        {
            slots.Delete(MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in slot)));
            socket.Dispose();
        }
    }
}
