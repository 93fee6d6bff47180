using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>
/// Reads networking.k8s.io/v1 NetworkPolicy. Of one with errors the stricter reading is returned besides: it isolates what it selects, and a rule with an error
/// allows nothing.
/// </summary>
internal static class NetworkPolicyReader
{
    private const string Ingress = "Ingress", Egress = "Egress";

    public static NetworkPolicyObject Read(FieldReader root, ObjectMeta meta)
    {
        // Without anything else there is still the namespace.
        var policy = new NetworkPolicyObject(meta) { IsolatesIngress = true, IsolatesEgress = true, IsStricterReading = true };
        int before = root.ErrorCount;
        if (root.Map("spec", required: true) is not { } spec) return policy;
        if (!spec.Has("podSelector")) spec.Fail("podSelector", "is required; {} selects every pod of the namespace");
        LabelSelector selector = LabelSelectorReader.Read(spec.Map("podSelector"));
        bool selectorIsWrong = spec.ErrorCount > before;
        (EquatableArray<string> types, bool typesAreWrong) = Counted(() => spec.List<string>(
            "policyTypes", static (string text, out string value) => (value = text) is Ingress or Egress ? null : $"'{text}' is neither {Ingress} nor {Egress}", mayBeEmpty: true));
        EquatableArray<NetworkPolicyRuleObject> ingress = ReadRules(spec, "ingress", "from", meta);
        (EquatableArray<NetworkPolicyRuleObject> egress, bool egressIsWrong) = Counted(() => ReadRules(spec, "egress", "to", meta));
        if (!types.IsEmpty && !typesAreWrong)
        {
            if (!types.Contains(Ingress) && !ingress.IsEmpty) spec.Note("ingress", $"counts for nothing, since policyTypes does not have {Ingress}");
            if (!types.Contains(Egress) && !egress.IsEmpty) spec.Note("egress", $"counts for nothing, since policyTypes does not have {Egress}: what these pods send is not isolated by this policy");
        }
        (_, bool hasUnknown) = Counted(() =>
        {
            spec.Done();
            return 0;
        });
        return policy with
        {
            Selector = selectorIsWrong ? LabelSelector.Everything : selector,
            IsolatesIngress = types.IsEmpty || types.Contains(Ingress) || typesAreWrong || hasUnknown,
            IsolatesEgress = typesAreWrong || hasUnknown || (types.IsEmpty ? !egress.IsEmpty || egressIsWrong : types.Contains(Egress)),
            // What an unknown field would say of the rules nobody can tell.
            Ingress = hasUnknown ? [] : ingress,
            Egress = hasUnknown ? [] : egress,
            IsStricterReading = root.ErrorCount > before,
        };

        (T Read, bool IsWrong) Counted<T>(Func<T> read)
        {
            int count = root.ErrorCount;
            T value = read();
            return (value, root.ErrorCount > count);
        }
    }

    private static EquatableArray<NetworkPolicyRuleObject> ReadRules(FieldReader spec, string field, string peers, ObjectMeta meta) =>
        spec.Maps(field, mayBeEmpty: true).Select(rule => ReadRule(rule, peers, meta)).ToEquatableArray();

    private static NetworkPolicyRuleObject ReadRule(FieldReader rule, string peersField, ObjectMeta meta)
    {
        int before = rule.ErrorCount;
        EquatableArray<NetworkPolicyPeerObject> peers = rule.Maps(peersField, mayBeEmpty: true).Select(p => ReadPeer(p, meta)).ToEquatableArray();
        NetworkPolicyPort?[] declared = [.. rule.Maps("ports", mayBeEmpty: true).Select(ReadPort)];
        NetworkPolicyPort[] ports = [.. declared.OfType<NetworkPolicyPort>()];
        rule.Done();
        bool isWrong = rule.ErrorCount > before;
        return new()
        {
            Peers = peers,
            Ports = [.. ports],
            MatchesNothing = isWrong || (declared.Length > 0 && ports.Length == 0),
            PortsNotCarried = isWrong ? [] : [.. Enumerable.Range(0, declared.Length).Where(i => declared[i] is null)],
        };
    }

    private static NetworkPolicyPeerObject ReadPeer(FieldReader peer, ObjectMeta meta)
    {
        bool hasPods = peer.Has("podSelector"), hasNamespaces = peer.Has("namespaceSelector"), hasBlock = peer.Has("ipBlock");
        if (!hasPods && !hasNamespaces && !hasBlock) peer.Fail("", "says nobody; a podSelector, a namespaceSelector or an ipBlock is required");
        if (hasBlock && (hasPods || hasNamespaces)) peer.Fail("ipBlock", "can't stand beside a podSelector or a namespaceSelector");
        LabelSelector pods = LabelSelectorReader.Read(peer.Map("podSelector"));
        LabelSelector? namespaces = hasNamespaces ? LabelSelectorReader.Read(peer.Map("namespaceSelector")) : null;
        NetworkPolicyPeerObject read = hasBlock && peer.Map("ipBlock") is { } block ? ReadBlock(block) : new(new PodSelector(namespaces is null ? meta.Namespace : null, namespaces, pods), null);
        peer.Done();
        return read;
    }

    private static NetworkPolicyPeerObject ReadBlock(FieldReader block)
    {
        IpPrefix? cidr = block.String("cidr", required: true) is not { } text ? null
            : Names.MaskedPrefix(text, out IpPrefix parsed) is { } error ? Fail("cidr", error)
            : Told("cidr", text, parsed);
        EquatableArray<IpPrefix> except = block.List("except", (string text, out IpPrefix part) =>
        {
            string? error = Names.MaskedPrefix(text, out part);
            if (error is null) Told("except", text, part);
            return error;
        }, mayBeEmpty: true);
        if (cidr is { } whole && except.FirstOrDefault(e => !whole.Contains(e) || e == whole, whole) is var part && part != whole) block.Fail("except", $"{part} is not a part of {whole}");
        block.Done();
        return new(null, cidr) { Except = except };

        // As an API server lets it in, and others who enforce it take it.
        IpPrefix Told(string field, string text, IpPrefix prefix)
        {
            if (Names.Prefix(text, out _) is not null) block.Note(field, $"'{text}' has bits set beyond its length, and counts as {prefix}");
            return prefix;
        }

        IpPrefix? Fail(string field, string reason)
        {
            block.Fail(field, reason);
            return null;
        }
    }

    /// <summary>Null for a protocol that the mesh does not carry, and for what can't be read.</summary>
    private static NetworkPolicyPort? ReadPort(FieldReader port)
    {
        string protocol = port.String("protocol", p => p is "TCP" or "UDP" or "SCTP" ? null : $"'{p}' is not one of TCP, UDP, SCTP") ?? "TCP";
        ScalarNode? number = port.Scalar("port");
        long? last = port.Integer("endPort", 1, ushort.MaxValue);
        port.Done();
        TransportProtocol transport = protocol == "UDP" ? TransportProtocol.Udp : TransportProtocol.Tcp;
        NetworkPolicyPort? read;
        if (number is null)
        {
            if (last is not null) port.Fail("endPort", "needs a port to begin with");
            read = NetworkPolicyPort.All(transport);
        }
        else if (number.AsInteger() is { } first)
        {
            if (first is < 1 or > ushort.MaxValue) port.Fail("port", $"{first} is not within 1..65535");
            if (last < first) port.Fail("endPort", $"{last} is below the port, {first}");
            read = first is >= 1 and <= ushort.MaxValue ? new(transport, (ushort)first, (ushort)Math.Max(first, last ?? first)) : null;
        }
        else
        {
            if (Names.PortName(number.Text) is { } error) port.Fail("port", error);
            if (last is not null) port.Fail("endPort", "can't stand beside the name of a port");
            read = NetworkPolicyPort.Called(number.Text, transport);
        }
        return protocol == "SCTP" ? null : read;
    }
}
