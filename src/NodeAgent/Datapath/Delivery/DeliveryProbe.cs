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
/// <param name="attacher">Brings programs to links for a try.</param>
internal sealed class DeliveryProbe(DeliverySockets sockets, DatapathPrograms programs, RouteNetlink netlink, MomentaryPrograms attacher) : IDeliveryProbe
{
    // A rule that limits rates may take one, and where packets are steered to other processors one takes a while.
    private const int Tries = 3;
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(40);

    // Who sends others without end is not listened to for ever: no snapshot comes into force meanwhile.
    private static readonly TimeSpan LongestTry = 5 * Wait;

    // So many fit into the socket's buffer, and with both families into the programs' table.
    private const int Batch = 32;

    // What is captured and lost does not leave the node; what is forwarded is taken off the link that leads out, and goes no further where it is not.
    private const byte CapturedHops = 1, ForwardedHops = 2;

    // The programs that guard a link take a probe for one; where one that tries stands in front of them, both do.
    private const ushort Guarding = 1, TryingAndGuarding = 2;

    private readonly byte[] _frame = new byte[DeliveryFrame.MaxLength];
    private readonly SortedSet<AddressFamily> _crowded = [];
    private readonly SortedSet<string> _failures = new(StringComparer.Ordinal);

    public string? Doubt => _failures.Count > 0 ? string.Join("; ", _failures) : _crowded.Count == 0 ? null : $"others send datagrams to the port that the agent's are for, {sockets.Ports.To}, which may have left no room for them ({string.Join(" and ", _crowded.Select(f => f == AddressFamily.InterNetwork ? "IPv4" : "IPv6"))})";

    public IReadOnlyList<DeliveryFinding> TryCaptured(IReadOnlyList<LocalEndpoint> pods, ProbeDestinations to) => InBatches(pods, batch => Try(batch, to, Guarding));

    public IReadOnlyList<DeliveryFinding> TryUncaptured(IReadOnlyList<LocalEndpoint> pods, ProbeDestinations to) => InBatches(pods, batch => TryUncaptured(batch, to));

    // Where the kernel is about to drop what begins, a try says nothing.
    private DeliveryFinding[] InBatches(IReadOnlyList<LocalEndpoint> pods, Func<LocalEndpoint[], IEnumerable<DeliveryFinding>> trial)
    {
        _crowded.Clear();
        _failures.Clear();
        return [.. pods.Chunk(Batch).SelectMany(batch => ConnectionTracking.IsNearlyFull() ? throw new IOException("the kernel's table of tracked connections is nearly full") : trial(batch))];
    }

    private IEnumerable<DeliveryFinding> TryUncaptured(LocalEndpoint[] pods, ProbeDestinations to)
    {
        List<IDisposable> attached = [];
        List<LocalEndpoint> there = [], untried = [];
        try
        {
            foreach (LocalEndpoint pod in pods)
            {
                try
                {
                    if (attacher.TryAttach(programs.Probe, pod.Index, TcDirection.Ingress) is { } attachment) attached.Add(attachment);
                    else continue;
                    there.Add(pod);
                }
                catch (BpfException e)
                {
                    untried.Add(pod);
                    _failures.Add($"at {pod.Interface}: {e.Message}");
                }
            }
            Dictionary<LocalEndpoint, DeliveryFinding> found = there.Zip(Try([.. there], to, TryingAndGuarding)).ToDictionary();
            return pods.Select(p => found.GetValueOrDefault(p, untried.Contains(p) ? default : DeliveryFinding.Gone));
        }
        finally
        {
            foreach (IDisposable attachment in attached) attachment.Dispose();
        }
    }

    private DeliveryFinding[] Try(LocalEndpoint[] pods, ProbeDestinations to, ushort turns)
    {
        Sender[] senders = [.. FindSenders(pods, to).Where(s => sockets.Listen(s.Destination))];
        Dictionary<ulong, Sender> sent = [];
        HashSet<Sender> pending = [.. senders], arrived = [], gone = [];
        HashSet<AddressFamily> crowded = [.. senders.Select(s => s.Family).Distinct().Where(f => !sockets.TryClear(f, LongestTry))];
        for (int i = 0; i < Tries && pending.Count > 0; i++)
        {
            SendAll(pending, Kind.Captured, turns, sent, gone, () =>
            {
                foreach (AddressFamily family in pending.Select(s => s.Family).Distinct().ToArray())
                {
                    if (Receive(family, sent, pending, arrived)) crowded.Add(family);
                }
            });
            pending.ExceptWith(gone);
        }

        // Among others' datagrams, of which there may have been more than the socket has room for, nobody knows what was lost.
        _crowded.UnionWith(pending.Select(s => s.Family).Where(crowded.Contains));
        HashSet<Sender> lost = FindForwarded(pending.Where(s => !crowded.Contains(s.Family)).Intersect(sent.Values), turns, gone);
        return [.. pods.Select(p => new DeliveryFinding(ResultOf(p, AddressFamily.InterNetwork), ResultOf(p, AddressFamily.InterNetworkV6)))];

        DeliveryResult ResultOf(LocalEndpoint pod, AddressFamily family) => senders.FirstOrDefault(s => s.Pod == pod && s.Family == family) is not { } sender ? DeliveryResult.Unknown
            : gone.Contains(sender) ? DeliveryResult.Gone
            : arrived.Contains(sender) ? DeliveryResult.Delivered
            : lost.Contains(sender) ? DeliveryResult.Lost
            : DeliveryResult.Unknown;
    }

    // All of one family are for one destination, since there is one socket of each.
    private IEnumerable<Sender> FindSenders(LocalEndpoint[] pods, ProbeDestinations to)
    {
        foreach (IGrouping<AddressFamily, Sender> family in pods.SelectMany(p => new[] { p.Address4, p.Address6 }.OfType<IPAddress>().Select(a => new Sender(p, a, to.For(a.AddressFamily)[0]))).GroupBy(s => s.Family))
        {
            IPAddress? routed = to.For(family.Key).FirstOrDefault(d => FindOutput(family.First() with { Destination = d }) > 0);
            foreach (Sender sender in family) yield return routed is null ? sender : sender with { Destination = routed };
        }
    }

    // Returns whether there was something of others. What comes from an earlier try, late, has arrived.
    private bool Receive(AddressFamily family, Dictionary<ulong, Sender> sent, HashSet<Sender> pending, HashSet<Sender> arrived)
    {
        bool crowded = false;
        long start = Stopwatch.GetTimestamp();
        while (pending.Any(s => s.Family == family) && Stopwatch.GetElapsedTime(start) < LongestTry && sockets.Take(family, Wait) is { } number)
        {
            if (!sent.TryGetValue(number, out Sender? sender))
            {
                crowded = true;
                continue;
            }
            arrived.Add(sender);
            pending.Remove(sender);
        }
        return crowded;
    }

    // Those of them whose like the node hands on. By each link that leads out one program is enough.
    private HashSet<Sender> FindForwarded(IEnumerable<Sender> senders, ushort turns, HashSet<Sender> gone)
    {
        HashSet<Sender> found = [];
        foreach (IGrouping<int, Sender> group in senders.GroupBy(FindOutput).Where(g => g.Key > 0))
        {
            try
            {
                using IDisposable? attached = attacher.TryAttach(programs.ProbeOut, group.Key, TcDirection.Egress);
                if (attached is null) continue; // it has gone, and with it what was to be seen
                Dictionary<ulong, Sender> sent = [];
                SendAll(group, Kind.Forwarded, turns, sent, gone, () => found.UnionWith(AwaitSeen(sent)));
            }
            catch (BpfException e)
            {
                _failures.Add($"at link {group.Key}: {e.Message}"); // what is forwarded by others is found all the same
            }
        }
        return found;
    }

    // They are there already, but for packets that are steered to other processors. Of a map nobody tells.
    private HashSet<Sender> AwaitSeen(Dictionary<ulong, Sender> sent)
    {
        HashSet<Sender> found = [];
        long start = Stopwatch.GetTimestamp();
        while (sent.Count > 0)
        {
            foreach ((ulong number, Sender sender) in sent.Where(s => IsSeen(s.Key)).ToArray())
            {
                found.Add(sender);
                sent.Remove(number);
            }
            if (Stopwatch.GetElapsedTime(start) > Wait) break;
            if (sent.Count > 0) Thread.Sleep(1);
        }
        return found;
    }

    private bool IsSeen(ulong number) => programs.Maps.Probes.TryGet(number, out CvProbe probe) && probe.Seen != 0;

    // 0: nowhere.
    private int FindOutput(Sender sender)
    {
        try
        {
            return netlink.FindForwardLink(sender.Address, sender.Destination, sender.Pod.RoutedFrom);
        }
        catch (NetlinkException)
        {
            return 0; // no route, or one that refuses
        }
    }

    // Returns its number; null: it was not sent. The programs are told of it first.
    private ulong? Send(Sender sender, Kind kind, ushort turns, Dictionary<ulong, Sender> sent, HashSet<Sender> gone)
    {
        ulong number = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        (ushort from, byte hops) = kind == Kind.Captured ? (sockets.Ports.From, CapturedHops) : ((ushort)(sockets.Ports.From + 1), ForwardedHops);
        int length = DeliveryFrame.Write(_frame, sender.Pod.HostMac, sender.Pod.PodMac, sender.Address, sender.Destination, from, sockets.Ports.To, hops, number);
        programs.Maps.Probes.Set(number, new CvProbe { Src = AbiAddress.From(sender.Address), Dst = AbiAddress.From(sender.Destination), Link = (uint)sender.Pod.Index, Turns = turns });
        try
        {
            programs.Inject.Inject(_frame.AsSpan(0, length), sender.Pod.Index);
            sent.Add(number, sender);
            return number;
        }
        catch (BpfException e)
        {
            programs.Maps.Probes.Delete(number);
            if (e.Errno == Errno.ENODEV) gone.Add(sender);
            else _failures.Add($"at {sender.Pod.Interface}: {e.Message}"); // nothing is known of it, and the others are tried
            return null;
        }
    }

    // What the programs are told of them is for as long as they are waited for.
    private void SendAll(IEnumerable<Sender> senders, Kind kind, ushort turns, Dictionary<ulong, Sender> sent, HashSet<Sender> gone, Action wait)
    {
        List<ulong> numbers = [];
        try
        {
            foreach (Sender sender in senders)
            {
                if (Send(sender, kind, turns, sent, gone) is { } number) numbers.Add(number);
            }
            wait();
        }
        finally
        {
            foreach (ulong number in numbers) programs.Maps.Probes.Delete(number);
        }
    }

    private enum Kind
    {
        Captured,
        Forwarded,
    }

    private sealed record Sender(LocalEndpoint Pod, IPAddress Address, IPAddress Destination)
    {
        internal AddressFamily Family => Address.AddressFamily;
    }
}
