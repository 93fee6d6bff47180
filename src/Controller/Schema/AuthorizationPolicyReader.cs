using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads culvert.dev/v1alpha1 AuthorizationPolicy.</summary>
internal static class AuthorizationPolicyReader
{
    /// <summary>Most values that the conditions of one policy name, all together. The schema's bounds of each list allow many more.</summary>
    public const int MostValues = 16_384;

    /// <summary>How many values the conditions of a policy name; a rule or condition without any counts as one.</summary>
    public static int ValuesOf(PolicyInfo policy) => policy.Rules.Sum(r => 1 + ClaimConditionReader.ValuesOf(r) + r.From.Sum(ValuesOf) + r.To.Sum(t => 1 + t.Ports.Count + t.NotPorts.Count + (t.Request is { } request ? RequestConditionsReader.ValuesOf(request) : 0)));

    public static AuthorizationPolicyObject? Read(FieldReader root, ObjectMeta meta)
    {
        if (root.Map("spec", required: true) is not { } spec) return null;
        var selector = SelectorReader.Read(spec);
        PolicyAction? action = AuthorizationActions.Of(spec.Enum<AuthorizationAction>("action", required: true));
        string? authorizer = ReadProvider(spec, action);
        EquatableArray<PolicyRule> rules = spec.Maps("rules", mayBeEmpty: true).Select(rule => ReadRule(rule, allows: action == PolicyAction.Allow)).ToEquatableArray();
        spec.Done();
        if (action == PolicyAction.Custom) rules = rules.Select(r => r with { To = OfTcp(r.To) }).ToEquatableArray(); // requests come by TCP
        var policy = new PolicyInfo { Name = meta.FullName, Action = action ?? PolicyAction.Deny, Authorizer = authorizer ?? "", Rules = rules, SourceReference = meta.SourceReference };
        if (ValuesOf(policy) > MostValues)
        {
            spec.Fail("rules", $"name more than {MostValues} values in all; make several policies of it");
            return null;
        }
        return new(meta, policy) { Selector = selector };
    }

    private static string? ReadProvider(FieldReader spec, PolicyAction? action)
    {
        FieldReader? provider = spec.Map("provider");
        string? name = provider?.String("name", Names.Label, required: true);
        provider?.Done();
        if (action == PolicyAction.Custom)
        {
            if (!spec.Has("provider")) spec.Fail("provider", "is required with action CUSTOM: it names the external authorizer of the MeshConfig that is asked");
            return name;
        }

        if (provider is not null) spec.Note("provider", "has no effect: an external authorizer is asked with action CUSTOM only");
        return null;
    }

    private static PolicyRule ReadRule(FieldReader rule, bool allows)
    {
        var read = new PolicyRule
        {
            From = rule.Maps("from").Select(ReadSource).ToEquatableArray(),
            To = rule.Maps("to").SelectMany(to => ReadDestinations(to, allows)).ToEquatableArray(),
            When = ClaimConditionReader.ReadWhen(rule),
        };
        rule.Done();
        return read.AsksAboutTokens ? read with { To = OfTcp(read.To) } : read;
    }

    /// <summary>Destinations of a rule that is about requests whatever it says of its destinations: requests come by TCP.</summary>
    public static EquatableArray<PolicyDestination> OfTcp(EquatableArray<PolicyDestination> to) =>
        to.IsEmpty ? [new PolicyDestination { Protocol = TransportProtocol.Tcp }] : to.Select(t => t with { Protocol = TransportProtocol.Tcp }).ToEquatableArray();

    private static int ValuesOf(PolicySource source) =>
        1 + source.Identities.Count + source.NotIdentities.Count + source.Namespaces.Count + source.NotNamespaces.Count + source.IpBlocks.Count + source.NotIpBlocks.Count;

    /// <summary>Reads a source.</summary>
    public static PolicySource ReadSource(FieldReader from)
    {
        var source = new PolicySource
        {
            Identities = from.List<StringPattern>("identities", Names.Identity),
            NotIdentities = from.List<StringPattern>("notIdentities", Names.Identity),
            Namespaces = from.List<StringPattern>("namespaces", Names.NamespacePattern),
            NotNamespaces = from.List<StringPattern>("notNamespaces", Names.NamespacePattern),
            IpBlocks = from.List<IpPrefix>("ipBlocks", Names.Prefix),
            NotIpBlocks = from.List<IpPrefix>("notIpBlocks", Names.Prefix),
            Token = ClaimConditionReader.Read(from),
        };
        from.Done();
        FailIfEmpty(from, "from", "identities", "notIdentities", "namespaces", "notNamespaces", "ipBlocks", "notIpBlocks", "requestPrincipals", "notRequestPrincipals");
        return source;
    }

    /// <summary>Reads an entry of <c>to</c>, as the destinations of which a request has to match one.</summary>
    /// <param name="to">The entry.</param>
    /// <param name="allows">Whether what matches is allowed for it.</param>
    public static EquatableArray<PolicyDestination> ReadDestinations(FieldReader to, bool allows)
    {
        EquatableArray<RequestConditions> requests = RequestConditionsReader.Read(to, allows);
        var destination = new PolicyDestination { Ports = to.Ports("ports"), NotPorts = to.Ports("notPorts") };
        to.Done();
        FailIfEmpty(to, "to", ["ports", "notPorts", .. RequestConditionsReader.Fields]);
        return requests.IsEmpty ? [destination] : requests.Select(r => destination with { Protocol = TransportProtocol.Tcp, Request = r }).ToEquatableArray();
    }

    private static void FailIfEmpty(FieldReader reader, string list, params string[] fields)
    {
        if (fields.Any(reader.Has)) return;
        reader.Fail("", $"sets no condition and would match everything; leave '{list}' out of the rule if that is meant");
    }
}
