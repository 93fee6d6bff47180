using System.Security.Cryptography;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// The answers of pods that belong to sockets of the proxy which speak from a client's address: the programs bring them to this node's sockets
/// where they would otherwise be new flows. Safe for several threads.
/// </summary>
internal sealed class ReplyTable : IReplyTable
{
    private readonly DatapathMaps _maps;
    private readonly uint _owner = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(sizeof(uint)));
    private readonly Dictionary<CvFlowKey, int> _uses = [];
    private readonly Lock _lock = new();

    /// <summary>Takes the map over, with what an agent before has left in it, see <see cref="RemoveOthers"/>.</summary>
    internal ReplyTable(DatapathMaps maps) => _maps = maps;

    /// <summary>Removes what agents before this one have left; when their sockets are gone.</summary>
    internal void RemoveOthers()
    {
        foreach (CvFlowKey key in _maps.Reply.Keys().ToArray())
        {
            lock (_lock)
            {
                if (!_uses.ContainsKey(key)) _maps.Reply.Delete(key);
            }
        }
    }

    /// <inheritdoc/>
    public SocketErrno Add(in SocketEndPoint pod, in SocketEndPoint client, ushort space, int loop)
    {
        CvFlowKey key = Key(pod, client, space);
        lock (_lock)
        {
            try
            {
                _maps.Reply.Set(key, new CvReply { Listener = (uint)loop, Owner = _owner });
            }
            catch (BpfException)
            {
                return SocketErrno.NoMemory; // the map is full
            }
            _uses[key] = _uses.GetValueOrDefault(key) + 1;
            return SocketErrno.None;
        }
    }

    /// <inheritdoc/>
    public void Remove(in SocketEndPoint pod, in SocketEndPoint client, ushort space)
    {
        CvFlowKey key = Key(pod, client, space);
        lock (_lock)
        {
            if (!_uses.TryGetValue(key, out int uses)) return;
            if (uses > 1)
            {
                _uses[key] = uses - 1;
                return;
            }
            _uses.Remove(key);

            // The next agent may have the same pair by now.
            if (_maps.Reply.TryGet(key, out CvReply reply) && reply.Owner == _owner) _maps.Reply.Delete(key);
        }
    }

    // From any port of the pod.
    private static CvFlowKey Key(in SocketEndPoint pod, in SocketEndPoint client, ushort space)
    {
        CvFlowKey key = AbiAddress.FlowKey(pod.WithPort(0), client, System.Net.Sockets.ProtocolType.Udp);
        key.Space = space;
        return key;
    }
}
