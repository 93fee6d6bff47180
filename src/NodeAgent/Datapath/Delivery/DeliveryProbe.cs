using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Culvert.Interop;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath.Delivery;

/// <summary>
/// Sends datagrams into the receive path of pods' links, in the pods' names, which the programs there capture as they capture what the pods send, and looks whether they arrive: the node's own packet filter and routing
/// rules decide about that, and they can be of any kind. Not thread-safe.
/// </summary>
/// <param name="sockets">Where they arrive.</param>
/// <param name="programs">The programs.</param>
/// <param name="netlink">The agent's network namespace.</param>
/// <param name="tcx">Whether the kernel has TCX.</param>
internal sealed class DeliveryProbe(DeliverySockets sockets, DatapathPrograms programs, RouteNetlink netlink, bool tcx) : IDeliveryProbe
{
    // A rule that limits rates may take one, and where packets are steered to other processors one takes a while.
    private const int Tries = 3;
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(40);

    // Who sends others without end is not listened to for ever: no snapshot comes into force meanwhile.
    private static readonly TimeSpan LongestTry = 5 * Wait;

    // So many fit into the socket's buffer.
    private const int Batch = 32;

    // Beside the filters of the programs that stay, see TcFilter.
    private const uint FilterHandle = TcFilter.DefaultHandle + 1;

    // What is captured and lost does not leave the node; what is forwarded is taken off the link that leads out, and goes no further where it is not.
    private const byte CapturedHops = 1, ForwardedHops = 2;

    private readonly byte[] _frame = new byte[DeliveryFrame.MaxLength];

    public IReadOnlyList<(DeliveryResult Result, string Lost)> TryCaptured(IReadOnlyList<LocalEndpoint> pods, ProbeDestinations to)
    {
        if (ConnectionTracking.IsNearlyFull()) return [.. pods.Select(_ => (DeliveryResult.Unknown, ""))];
        return [.. pods.Chunk(Batch).SelectMany(batch => Try(batch, to))];
    }

    public (DeliveryResult Result, string Lost) TryUncaptured(LocalEndpoint pod, ProbeDestinations to)
    {
        if (ConnectionTracking.IsNearlyFull()) return (DeliveryResult.Unknown, "");
        try
        {
            using IDisposable attached = Attach(programs.Probe, pod.Index, TcDirection.Ingress);
            return Try([pod], to)[0];
        }
        catch (BpfException e) when (e.Errno == Errno.ENODEV)
        {
            return (DeliveryResult.Gone, "");
        }
    }

    private (DeliveryResult Result, string Lost)[] Try(LocalEndpoint[] pods, ProbeDestinations to)
    {
        HashSet<Sender> pending = [.. pods.SelectMany(p => new[] { p.Address4, p.Address6 }.OfType<IPAddress>().Select(a => new Sender(p, a))).Where(s => sockets.Listen(s.DestinationIn(to)))];
        HashSet<LocalEndpoint> known = [.. pending.Select(s => s.Pod)], gone = [];
        for (int i = 0; i < Tries && pending.Count > 0; i++)
        {
            Dictionary<ulong, Sender> sent = [];
            foreach (Sender sender in pending)
            {
                ulong number = Draw();
                if (Send(sender, to, sockets.Ports.From, CapturedHops, number)) sent.Add(number, sender);
                else gone.Add(sender.Pod);
            }
            foreach (AddressFamily family in pending.Select(s => s.Family).Distinct().ToArray()) Receive(family, sent);
            pending = [.. sent.Values];
        }
        ILookup<LocalEndpoint, Sender> lost = FindForwarded(pending, to).ToLookup(s => s.Pod);
        known.ExceptWith(pending.Select(s => s.Pod).Where(p => !lost.Contains(p)));
        return [.. pods.Select(p => gone.Contains(p) ? (DeliveryResult.Gone, "") : !known.Contains(p) ? (DeliveryResult.Unknown, "") : lost.Contains(p) ? (DeliveryResult.Lost, string.Join(" and ", lost[p].Select(s => s.FamilyName))) : (DeliveryResult.Delivered, ""))];
    }

    private void Receive(AddressFamily family, Dictionary<ulong, Sender> sent)
    {
        // What came from an earlier try, too late, is none of these.
        long start = Stopwatch.GetTimestamp();
        while (sent.Values.Any(s => s.Family == family) && Stopwatch.GetElapsedTime(start) < LongestTry && sockets.Take(family, Wait) is { } number) sent.Remove(number);
    }

    // Those of them whose like the node hands on. By each link that leads out one program is enough.
    private List<Sender> FindForwarded(IEnumerable<Sender> senders, ProbeDestinations to)
    {
        List<Sender> found = [];
        foreach (IGrouping<int, Sender> group in senders.GroupBy(s => FindOutput(s, to)).Where(g => g.Key > 0))
        {
            try
            {
                using IDisposable attached = Attach(programs.ProbeOut, group.Key, TcDirection.Egress);
                found.AddRange(group.Where(s => IsForwarded(s, to)));
            }
            catch (BpfException e) when (e.Errno == Errno.ENODEV)
            {
                continue; // it has gone, and with it what was to be seen
            }
        }
        return found;
    }

    private bool IsForwarded(Sender sender, ProbeDestinations to)
    {
        CvProbe wanted = new() { Number = Draw() };
        programs.Maps.ProbeWanted.Set(0, wanted);
        if (!Send(sender, to, (ushort)(sockets.Ports.From + 1), ForwardedHops, wanted.Number)) return false;

        // It is there already, but for packets that are steered to other processors. Of a map nobody tells.
        long start = Stopwatch.GetTimestamp();
        while (!IsSeen())
        {
            if (Stopwatch.GetElapsedTime(start) > Wait) return false;
            Thread.Sleep(1);
        }
        return true;

        bool IsSeen() => programs.Maps.ProbeWanted.TryGet(0, out CvProbe probe) && probe.Seen != 0;
    }

    // 0: nowhere.
    private int FindOutput(Sender sender, ProbeDestinations to)
    {
        try
        {
            return netlink.FindForwardLink(sender.Address, sender.DestinationIn(to), sender.Pod.Index);
        }
        catch (NetlinkException)
        {
            return 0; // no route, or one that refuses
        }
    }

    private bool Send(Sender sender, ProbeDestinations to, ushort from, byte hops, ulong number)
    {
        int length = DeliveryFrame.Write(_frame, sender.Pod.HostMac, sender.Pod.PodMac, sender.Address, sender.DestinationIn(to), from, sockets.Ports.To, hops, number);
        try
        {
            programs.Inject.Inject(_frame.AsSpan(0, length), sender.Pod.Index);
            return true;
        }
        catch (BpfException e) when (e.Errno == Errno.ENODEV)
        {
            return false;
        }
    }

    private IDisposable Attach(BpfProgram program, int index, TcDirection direction)
    {
        if (tcx) return BpfLink.AttachTcx(program, index, direction);
        TcFilter.Attach(program, index, direction, FilterHandle);
        return new AttachedFilter(index, direction);
    }

    private static ulong Draw() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    private sealed record Sender(LocalEndpoint Pod, IPAddress Address)
    {
        internal AddressFamily Family => Address.AddressFamily;

        internal string FamilyName => Family == AddressFamily.InterNetwork ? "IPv4" : "IPv6";

        internal IPAddress DestinationIn(ProbeDestinations to) => to.For(Family);
    }

    private sealed class AttachedFilter(int index, TcDirection direction) : IDisposable
    {
        public void Dispose() => TcFilter.Detach(index, direction, FilterHandle);
    }
}
