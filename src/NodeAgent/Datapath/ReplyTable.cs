using System.Net;
using System.Runtime.InteropServices;
using Culvert.Interop.Abi;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// The answers of pods that belong to sockets of the proxy which speak from a client's address: the programs bring them to this node's sockets
/// where they would otherwise be new flows. Safe for several threads.
/// </summary>
internal sealed class ReplyTable
{
    private readonly DatapathMaps _maps;

    /// <summary>Takes the map over; what an agent before left in it is removed, as its sockets are gone.</summary>
    internal ReplyTable(DatapathMaps maps)
    {
        _maps = maps;
        foreach (CvFlowKey key in maps.Reply.Keys().ToArray()) maps.Reply.Delete(key);
    }

    /// <summary>Lets datagrams from any port of a pod to the client's address and port reach this node's sockets.</summary>
    /// <param name="pod">The pod's address.</param>
    /// <param name="client">The address and port that the socket has, of the same family.</param>
    /// <param name="loop">Index of the loop that owns the socket: the slot of its listeners.</param>
    /// <exception cref="Interop.Bpf.BpfException">The map is full.</exception>
    internal void Add(IPAddress pod, IPEndPoint client, int loop) => _maps.Reply.Set(Key(pod, client), new CvReply { Listener = (uint)loop });

    /// <summary>Undoes <see cref="Add"/>; nothing happens when there is nothing.</summary>
    internal void Remove(IPAddress pod, IPEndPoint client) => _maps.Reply.Delete(Key(pod, client));

    private static CvFlowKey Key(IPAddress pod, IPEndPoint client)
    {
        Span<byte> port = [(byte)(client.Port >> 8), (byte)client.Port];
        return new CvFlowKey
        {
            Src = AbiAddress.From(pod),
            Dst = AbiAddress.From(client.Address),
            Dport = MemoryMarshal.Read<ushort>(port),
            Proto = (byte)System.Net.Sockets.ProtocolType.Udp,
        };
    }
}
