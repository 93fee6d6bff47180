using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;

namespace Culvert.Interop.Sockets;

/// <summary>
/// The mark that an owner gives its sockets' packets, and the map by which BPF programs tell its sockets from others that took the same mark: anyone in the
/// network namespace with CAP_NET_RAW or CAP_NET_ADMIN can set a mark, but only who may write the map can enter a socket. Immutable; safe to use from several threads.
/// </summary>
/// <param name="value">SO_MARK; 0: none.</param>
/// <param name="owned">A map of type BPF_MAP_TYPE_SK_STORAGE with values of <see cref="CvOwnSocket"/>; null: sockets are not entered anywhere. Not disposed with this object.</param>
/// <param name="captured">A socket filter that passes what BPF programs have captured; null: whatever reaches a socket passes. Not disposed with this object.</param>
public sealed class SocketMark(uint value, BpfMap? owned = null, BpfProgram? captured = null)
{
    /// <summary>No mark: packets are like anyone's.</summary>
    public static SocketMark None { get; } = new(0);

    /// <summary>Marks a socket and enters it. Sockets that a listener accepts afterwards inherit both.</summary>
    /// <param name="socket">The socket; needs CAP_NET_ADMIN.</param>
    /// <param name="kind">What the programs are to make of what it sends.</param>
    /// <returns>None, or why the kernel refused.</returns>
    public SocketErrno Apply(SocketHandle socket, CvOwnKind kind = CvOwnKind.Plain) => Apply(socket, new CvOwnSocket { Kind = (uint)kind });

    /// <summary>Marks a socket and enters it as one that answers for a Service: what it sends, with a backend's address, reaches the pod with the Service's. May be called again, for another Service.</summary>
    /// <param name="socket">The socket, of datagrams or raw; needs CAP_NET_ADMIN.</param>
    /// <param name="service">The Service's address and port.</param>
    /// <returns>None, or why the kernel refused.</returns>
    public SocketErrno ApplyForService(SocketHandle socket, in SocketEndPoint service)
    {
        CvOwnSocket own = new() { Kind = (uint)CvOwnKind.Service };
        BinaryPrimitives.WriteUInt16BigEndian(MemoryMarshal.AsBytes(new Span<ushort>(ref own.Port)), service.Port);
        service.WriteAddress(MemoryMarshal.AsBytes(new Span<CvAddr>(ref own.Addr)));
        return Apply(socket, own);
    }

    private SocketErrno Apply(SocketHandle socket, CvOwnSocket own)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (value == 0) return SocketErrno.None;
        SocketErrno error = socket.SetMark(value);
        return error != SocketErrno.None || owned is null ? error : owned.TryEnterSocket(socket, own);
    }

    /// <summary>
    /// Has a socket take captured packets only, whoever else sends some with its addresses and ports. For sockets that speak with other people's addresses: what is for these passes the programs.
    /// Sockets that a listener accepts afterwards inherit it.
    /// </summary>
    /// <param name="socket">The socket.</param>
    /// <returns>None, or why the kernel refused.</returns>
    public SocketErrno TakeCapturedOnly(SocketHandle socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return captured is null ? SocketErrno.None : socket.SetFilter(captured);
    }
}
