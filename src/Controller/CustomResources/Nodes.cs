using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.CustomResources;

/// <summary>Makes schemas of values that several kinds have.</summary>
internal static class Nodes
{
    private const string LabelForm = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    private const string Octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    private const string IPv4 = "(" + Octet + @"\.){3}" + Octet;

    // Any text with two colons of what an IPv6 address is made of: whether it is one is the controller's to say.
    private const string IPv6 = "[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*";

    // A part of the path of a SPIFFE ID: '.' and '..' are none.
    private const string Segment = @"([A-Za-z0-9_-]|\.[A-Za-z0-9_-]|\.\.[A-Za-z0-9._-])[A-Za-z0-9._-]*";

    /// <summary>Most entries of lists of conditions.</summary>
    public const int MostConditions = 256;

    /// <summary>Most labels of a selector.</summary>
    private const int MostLabels = 64;

    /// <summary>A number within 1..65535.</summary>
    public static SchemaNode Port(string description) => new(SchemaType.Integer) { Description = description, Minimum = 1, Maximum = ushort.MaxValue };

    /// <summary>A number within a range.</summary>
    public static SchemaNode Number(string description, int least, int most) => new(SchemaType.Integer) { Description = description, Minimum = least, Maximum = most };

    /// <summary>Numbers of ports.</summary>
    public static SchemaNode Ports(string description) => List(description, Port("A port."), MostConditions);

    /// <summary>Ports with an optional protocol.</summary>
    public static SchemaNode TransportPorts(string description) => List(
        description,
        new(SchemaType.IntegerOrText) { Description = "A TCP port as a number, or a port with its protocol such as 53/udp.", Minimum = 1, Maximum = ushort.MaxValue, Pattern = "^0*[1-9][0-9]{0,4}(/([Tt][Cc][Pp]|[Uu][Dd][Pp]))?$", Most = 16 },
        MostConditions);

    /// <summary>A list of at least one element.</summary>
    public static SchemaNode List(string description, SchemaNode items, int most) => new(SchemaType.List) { Description = description, Items = items, Least = 1, Most = most };

    /// <summary>A text of a form.</summary>
    public static SchemaNode Text(string description, string pattern, int most) => new(SchemaType.Text) { Description = description, Pattern = pattern, Most = most };

    /// <summary>One of the words of an enum.</summary>
    public static SchemaNode Words<T>(string description)
        where T : struct, Enum => new(SchemaType.Text) { Description = description, OneOf = EnumWords.All<T>().ToEquatableArray() };

    /// <summary>One of some texts.</summary>
    public static SchemaNode OneOf(string description, params ReadOnlySpan<string> texts) => new(SchemaType.Text) { Description = description, OneOf = EquatableArray.Create(texts) };

    public static SchemaNode Flag(string description) => new(SchemaType.Boolean) { Description = description };

    public static SchemaNode Object(string description, params ReadOnlySpan<SchemaField> fields) => new(SchemaType.Object) { Description = description, Fields = EquatableArray.Create(fields) };

    /// <summary>A DNS label.</summary>
    public static SchemaNode Label(string description) => Text(description, $"^{LabelForm}$", 63);

    /// <summary>A DNS name.</summary>
    public static SchemaNode Subdomain(string description) => Text(description, $@"^{LabelForm}(\.{LabelForm})*$", 253);

    public static SchemaNode Address(string description) => Text(description, $"^({IPv4}|{IPv6})$", 45);

    public static SchemaNode Prefix(string description) => Text(description, $"^({IPv4}(/([0-9]|[12][0-9]|3[0-2]))?|{IPv6}(/([0-9]{{1,2}}|1[01][0-9]|12[0-8]))?)$", 49);

    /// <summary>Patterns over identities.</summary>
    public static SchemaNode Identities(string description) => List(
        description,
        Text("A SPIFFE ID, or a pattern with * at the end or the start. spiffe:// in front may be left out.", $@"^(\*[A-Za-z0-9._:/-]*|(spiffe://)?[A-Za-z0-9._/-]*\*|(spiffe://)?[a-z0-9._-]{{1,255}}(/{Segment})*)$", SpiffeId.MaxLength),
        MostConditions);

    /// <summary>An identity below a trust domain.</summary>
    public static SchemaNode Identity(string description) => Text(description, $"^{SpiffeId.SchemePrefix}[a-z0-9._-]{{1,255}}(/{Segment})+$", SpiffeId.MaxLength);

    /// <summary>Patterns over namespaces.</summary>
    public static SchemaNode Namespaces(string description) => List(description, Text("A namespace, or a pattern with * at the end or the start.", $@"^(\*[a-z0-9-]*|[a-z0-9-]*\*|{LabelForm})$", 253), MostConditions);

    public static SchemaNode Prefixes(string description) => List(description, Prefix("An address, or a prefix whose further bits are zero."), MostConditions);

    /// <summary>The selector of policies.</summary>
    public static SchemaField Selector => new("selector", Object(
        "The workloads that are meant, by their labels. Without it, or when it is empty, all of the namespace; in culvert-system, of every namespace.",
        new SchemaField("matchLabels", new(SchemaType.Map)
        {
            Description = "Labels that a workload must have, with these values.",
            Items = Text("The value of the label.", "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", 63),
            Most = MostLabels,
        })));

    /// <summary>The mode of mutual TLS.</summary>
    public static SchemaNode Mtls(string description) => Object(description, new SchemaField("mode", Words<MtlsMode>("STRICT refuses plaintext from outside the mesh. PERMISSIVE takes it, as a source without identity.")) { IsRequired = true });

    /// <summary>What asks for PROXY protocol headers.</summary>
    public static SchemaNode ProxyProtocol(string description) => Object(
        description,
        new SchemaField("version", OneOf("The version of the header.", "v2")) { IsRequired = true },
        new SchemaField("ports", TransportPorts("The ports at which the application wants it.")) { Default = "every port" },
        new SchemaField("tlvs", OneOf("NONE has addresses only in the header, for receivers that take short ones only.", "ALL", "NONE")) { Default = "ALL" });

    /// <summary>What accepts PROXY protocol headers.</summary>
    public static SchemaNode AcceptProxyProtocol(string description) => List(
        description,
        Object(
            "Ports, and who is believed there.",
            new SchemaField("ports", TransportPorts("Ports at which connections begin with a header.")) { IsRequired = true },
            new SchemaField("from", Prefixes("The load balancers whose headers are believed.")) { IsRequired = true }),
        64);
}
