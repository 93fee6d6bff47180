using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Policies between model and wire.</summary>
public static class PolicyMapping
{
    /// <summary>The wire form of a policy.</summary>
    public static Wire.Policy ToWire(this PolicyInfo policy)
    {
        var wire = new Wire.Policy
        {
            Namespace = policy.Name.Namespace,
            Name = policy.Name.Name,
            Action = policy.Action.ToWire(),
            SourceReference = policy.SourceReference,
            Authorizer = policy.Authorizer,
        };
        foreach (PolicyRule rule in policy.Rules)
        {
            var wireRule = new Wire.PolicyRule();
            foreach (PolicySource from in rule.From) wireRule.From.Add(ToWire(from));
            foreach (PolicyDestination to in rule.To) wireRule.To.Add(ToWire(to, rule.AsksAboutTokens));
            foreach (ClaimCondition claim in rule.When) wireRule.When.Add(claim.ToWire());
            wireRule.Limit = rule.Limit?.ToWire();
            wire.Rules.Add(wireRule);
        }
        return wire;
    }

    /// <summary>The model of a policy.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    public static PolicyInfo ToModel(this Wire.Policy policy) => new()
    {
        Name = FieldMapping.ToName(policy.Namespace, policy.Name),
        Action = policy.Action.ToModel(),
        SourceReference = policy.SourceReference,
        Authorizer = policy.Action != Wire.PolicyAction.Custom || policy.Authorizer.Length > 0 ? policy.Authorizer : throw new FormatException("authorizer: is required with CUSTOM"),
        Rules = policy.Rules.Select(r => ToModel(policy.Action, r)).ToEquatableArray(),
    };

    private static PolicyRule ToModel(Wire.PolicyAction action, Wire.PolicyRule rule)
    {
        PolicyRule model = new()
        {
            From = rule.From.Select(ToModel).ToEquatableArray(),
            To = rule.To.Select(ToModel).ToEquatableArray(),
            Limit = LimitOf(action, rule),
            When = rule.When.Select(TokenConditionsMapping.ToModel).ToEquatableArray(),
        };
        bool isMarked = rule.To.Count > 0 && rule.To.All(t => t.Protocol == Wire.TransportProtocol.TcpTokens);
        return model.AsksAboutTokens == isMarked && (isMarked || rule.To.All(t => t.Protocol != Wire.TransportProtocol.TcpTokens))
            ? model
            : throw new FormatException("the protocol of a rule's destinations is TCP_TOKENS where it has conditions on tokens, and only there");
    }

    private static RateLimit? LimitOf(Wire.PolicyAction action, Wire.PolicyRule rule) => (action == Wire.PolicyAction.Limit) == (rule.Limit is not null)
        ? rule.Limit?.ToModel()
        : throw new FormatException("limit: is set in rules of LIMIT, and only there");

    private static PolicySource ToModel(Wire.PolicySource source) => new()
    {
        Identities = ToIdentities(source.Identities),
        NotIdentities = ToIdentities(source.NotIdentities),
        Namespaces = source.Namespaces.Select(StringPattern.Parse).ToEquatableArray(),
        NotNamespaces = source.NotNamespaces.Select(StringPattern.Parse).ToEquatableArray(),
        IpBlocks = source.IpBlocks.ToPrefixes(),
        NotIpBlocks = source.NotIpBlocks.ToPrefixes(),
        Token = source.Token?.ToModel(),
    };

    private static Wire.PolicyDestination ToWire(PolicyDestination to, bool isAboutTokens)
    {
        var wire = new Wire.PolicyDestination();
        foreach (ushort port in to.Ports) wire.Ports.Add(port);
        foreach (ushort port in to.NotPorts) wire.NotPorts.Add(port);
        if (to.Protocol is { } protocol) wire.Protocol = (Wire.TransportProtocol)protocol;
        if (to.Request is { } request) (wire.Protocol, wire.Request) = (Wire.TransportProtocol.TcpRequests, request.ToWire()); // they are about TCP only
        if (isAboutTokens) wire.Protocol = Wire.TransportProtocol.TcpTokens;
        return wire;
    }

    private static PolicyDestination ToModel(Wire.PolicyDestination to)
    {
        bool asksAboutTokens = to.Protocol == Wire.TransportProtocol.TcpTokens, asksAboutRequests = to.Protocol == Wire.TransportProtocol.TcpRequests;
        if (!asksAboutTokens && asksAboutRequests != (to.Request is not null)) throw new FormatException("request: is set where the protocol is TCP_REQUESTS, and only there");
        return new()
        {
            Ports = to.Ports.ToPorts("ports"),
            NotPorts = to.NotPorts.ToPorts("not_ports"),
            Protocol = to.Protocol == Wire.TransportProtocol.Unspecified ? null : asksAboutRequests || asksAboutTokens ? TransportProtocol.Tcp : to.Protocol.ToModel(),
            Request = to.Request?.ToModel(),
        };
    }

    private static EquatableArray<StringPattern> ToIdentities(IEnumerable<string> patterns) => patterns
        .Select(p => StringPattern.TryParseIdentity(p, out StringPattern pattern, out string? error) ? pattern : throw new FormatException(error))
        .ToEquatableArray();

    private static Wire.PolicySource ToWire(PolicySource source)
    {
        var wire = new Wire.PolicySource();
        foreach (StringPattern p in source.Identities) wire.Identities.Add(p.Text);
        foreach (StringPattern p in source.NotIdentities) wire.NotIdentities.Add(p.Text);
        foreach (StringPattern p in source.Namespaces) wire.Namespaces.Add(p.Text);
        foreach (StringPattern p in source.NotNamespaces) wire.NotNamespaces.Add(p.Text);
        foreach (IpPrefix p in source.IpBlocks) wire.IpBlocks.Add(p.ToString());
        foreach (IpPrefix p in source.NotIpBlocks) wire.NotIpBlocks.Add(p.ToString());
        if (source.Token is { } token) wire.Token = token.ToWire();
        return wire;
    }
}
