using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Culvert.Core;

/// <summary>A hash over all that changes a policy's meaning; the same in every process.</summary>
internal static class PolicyFingerprint
{
    public static string Of(PolicyInfo policy)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{policy.Name}\n{(int)policy.Action}\n");
        foreach (PolicyRule rule in policy.Rules)
        {
            text.Append("rule\n");
            foreach (PolicySource s in rule.From)
            {
                text.Append("from\n");
                Add(text, "i", s.Identities);
                Add(text, "I", s.NotIdentities);
                Add(text, "n", s.Namespaces);
                Add(text, "N", s.NotNamespaces);
                Add(text, "b", s.IpBlocks);
                Add(text, "B", s.NotIpBlocks);
                if (s.Token is not { } token) continue;
                text.Append("token\n");
                Add(text, "p", token.Principals);
                Add(text, "P", token.NotPrincipals);
            }
            foreach (ClaimCondition claim in rule.When)
            {
                text.Append("when\n");
                Add(text, "c", claim.Path);
                Add(text, "v", claim.Values);
                Add(text, "V", claim.NotValues);
            }
            foreach (PolicyDestination d in rule.To)
            {
                text.Append("to\n");
                Add(text, "p", d.Ports);
                Add(text, "P", d.NotPorts);
                if (d.Protocol is { } protocol) text.Append(CultureInfo.InvariantCulture, $"t {protocol}\n");
                if (d.Request is { } request) AddRequest(text, request);
            }
            if (rule.Limit is { } limit) text.Append(CultureInfo.InvariantCulture, $"limit {limit} {limit.Burst} {limit.By} {limit.Header}\n");
        }
        return Hash(text.ToString());
    }

    public static string Of(NetworkPolicyInfo policy)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{policy.Name}\n{policy.IsolatesIngress} {policy.IsolatesEgress}\n");
        AddRules("in", policy.Ingress);
        AddRules("out", policy.Egress);
        return Hash(text.ToString());

        void AddRules(string tag, EquatableArray<NetworkPolicyRule> rules)
        {
            foreach (NetworkPolicyRule rule in rules)
            {
                text.Append(CultureInfo.InvariantCulture, $"{tag}\n");
                foreach (NetworkPolicyPeer peer in rule.Peers)
                {
                    text.Append(CultureInfo.InvariantCulture, $"peer {peer.Group} {peer.Block}\n");
                    Add(text, "x", peer.Except);
                }
                Add(text, "p", rule.Ports);
            }
        }
    }

    public static string Hash(string text) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16));

    private static void AddRequest(StringBuilder text, RequestConditions request)
    {
        text.Append("request\n");
        Add(text, "m", request.Methods);
        Add(text, "M", request.NotMethods);
        Add(text, "u", request.Paths);
        Add(text, "U", request.NotPaths);
        Add(text, "h", request.Hosts);
        Add(text, "H", request.NotHosts);
        foreach (HeaderCondition header in request.Headers)
        {
            text.Append(CultureInfo.InvariantCulture, $"header {header.Name}\n");
            Add(text, "v", header.Values);
            Add(text, "r", header.Expressions);
            Add(text, "V", header.NotValues);
        }
    }

    private static void Add<T>(StringBuilder text, string tag, EquatableArray<T> items)
    {
        foreach (T item in items) text.Append(CultureInfo.InvariantCulture, $"{tag} {item}\n");
    }
}
