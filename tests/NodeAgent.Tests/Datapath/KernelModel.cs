using System.Buffers.Binary;
using System.Net;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>Looks a generation's tables up as the kernel programs do.</summary>
internal sealed class KernelModel(Generation generation)
{
    internal static KernelModel Build(NodeSnapshot snapshot, IReadOnlyList<LocalEndpoint> endpoints, IReadOnlyCollection<IPAddress> nodeAddresses)
    {
        CompiledPolicy policy = PolicyCompiler.Compile(snapshot, endpoints.Select(e => e.Workload.Uid).ToHashSet(), new PolicyIds());
        return new KernelModel(GenerationBuilder.Build(1, snapshot, policy, endpoints, nodeAddresses));
    }

    internal CvAddress? FindAddress(IPAddress address)
    {
        byte[] wanted = address.MapToIPv6().GetAddressBytes();
        (uint Length, CvAddress Value)? best = null;
        for (int i = 0; i < generation.Addresses.Count; i++)
        {
            CvAddressKey key = generation.Addresses.Keys[i];
            int bits = (int)key.Prefixlen - 32;
            byte[] prefix = AbiAddress.ToIPAddress(key.Addr).MapToIPv6().GetAddressBytes();
            bool matches = Enumerable.Range(0, bits).All(b => ((prefix[b / 8] ^ wanted[b / 8]) & (0x80 >> (b % 8))) == 0);
            if (matches && (best is null || key.Prefixlen > best.Value.Length)) best = (key.Prefixlen, generation.Addresses.Values[i]);
        }
        return best?.Value;
    }

    /// <summary>The ports, under addresses of workloads, that are behind the proxy.</summary>
    internal IEnumerable<ushort> PortsBehindProxy()
    {
        for (int i = 0; i < generation.Services.Count; i++)
        {
            if (((CvServiceFlag)generation.Services.Values[i].Flags).HasFlag(CvServiceFlag.BehindProxy)) yield return generation.Services.Keys[i].Port;
        }
    }

    internal string[]? Backends(IPAddress vip, ushort port)
    {
        for (int i = 0; i < generation.Services.Count; i++)
        {
            CvServiceKey key = generation.Services.Keys[i];
            if (key.Port != port || !AbiAddress.ToIPAddress(key.Addr).Equals(vip)) continue;
            CvService service = generation.Services.Values[i];
            List<string> found = [];
            for (int b = 0; b < generation.Backends.Count; b++)
            {
                CvBackend backend = generation.Backends.Values[b];
                if (generation.Backends.Keys[b].Service == service.Id) found.Add(new IPEndPoint(AbiAddress.ToIPAddress(backend.Addr), backend.Port).ToString());
            }
            Assert.Equal(service.Slots, (uint)found.Count);
            return [.. found.Distinct()];
        }
        return null;
    }

    internal CvPolicy Evaluate(IPAddress source, bool authenticated, IPAddress destination, ushort port, byte protocol)
    {
        CvAddress? from = FindAddress(source);
        uint targetPolicySet = FindAddress(destination)!.Value.TargetPolicySet;
        uint cls = from is null ? 0 : authenticated ? from.Value.AuthClass : from.Value.AnonClass;
        foreach (uint c in (uint[])[cls, CvAbi.ClassAny])
        {
            CvPolicy? found = null;
            for (int i = 0, longest = -1; i < generation.Policies.Count; i++)
            {
                CvPolicyKey key = generation.Policies.Keys[i];
                int length = (int)(key.Prefixlen - CvAbi.PolicyPrefix);
                if (key.PolicySet != targetPolicySet || key.PeerClass != c || key.Proto != protocol || length <= longest) continue;
                if (!new PortPrefix(BinaryPrimitives.ReverseEndianness(key.Port), (byte)length).Contains(port)) continue;
                (found, longest) = (generation.Policies.Values[i], length);
            }
            if (found is { } entry) return entry;
        }
        throw new InvalidOperationException($"target policy set {targetPolicySet} has no verdict for class {cls}, port {port}");
    }
}
