using System.Net;
using System.Text.Json;

namespace Culvert.Cni;

/// <summary>What plugins have made for a container (CNI specification 1.1, section 5, "Success"), which is handed on as it is. Immutable.</summary>
public sealed class CniResult
{
    private static readonly string[] InterfacesOf11 = ["mtu", "socketPath", "pciID"];
    private static readonly string[] RoutesOf11 = ["mtu", "advmss", "priority", "table", "scope"];

    private readonly JsonElement _told;
    private readonly string _version;

    private CniResult(JsonElement told, string version, IReadOnlyList<IPAddress> addresses, IReadOnlyList<CniInterface> interfaces) => (_told, _version, Addresses, Interfaces) = (told, version, addresses, interfaces);

    /// <summary>The container's addresses, in the order told.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; }

    /// <summary>The interfaces that were made, in the order told.</summary>
    public IReadOnlyList<CniInterface> Interfaces { get; }

    /// <summary>Reads it.</summary>
    /// <param name="told">The field <c>prevResult</c>.</param>
    /// <param name="version">The version that is spoken, for a result that does not say its own.</param>
    /// <exception cref="CniException">Something is wrong with it; the message names the field.</exception>
    public static CniResult Read(JsonElement told, string version)
    {
        if (told.ValueKind != JsonValueKind.Object) throw CniFields.Wrong("prevResult", "is not an object");
        string own = CniFields.Text(told, "cniVersion", "prevResult.") ?? version;
        if (!CniVersions.IsSupported(own)) throw new CniException(CniErrorCode.IncompatibleVersion, $"prevResult.cniVersion: {CniFields.Shorten(own)} is none of {string.Join(", ", CniVersions.Supported)}");
        List<CniInterface> interfaces = [];
        foreach (JsonElement one in List(told, "interfaces"))
        {
            string name = CniFields.Text(one, "name", "prevResult.interfaces.") ?? throw CniFields.Wrong("prevResult.interfaces.name", "is missing");
            string? sandbox = CniFields.Text(one, "sandbox", "prevResult.interfaces.") is { Length: > 0 } path ? path : null;
            if (CniText.CheckInterface(name) is { } wrong) throw CniFields.Wrong("prevResult.interfaces.name", wrong);
            if (sandbox is not null && CniText.CheckPath(sandbox) is { } wrongPath) throw CniFields.Wrong("prevResult.interfaces.sandbox", wrongPath);
            interfaces.Add(new CniInterface { Name = name, Mac = CniFields.Text(one, "mac", "prevResult.interfaces.") is { Length: > 0 } mac ? mac : null, Sandbox = sandbox });
        }
        List<IPAddress> addresses = [];
        foreach (JsonElement one in List(told, "ips"))
        {
            string text = CniFields.Text(one, "address", "prevResult.ips.") ?? throw CniFields.Wrong("prevResult.ips.address", "is missing");
            IPAddress address = ParseAddress(text) ?? throw CniFields.Wrong("prevResult.ips.address", $"'{CniFields.Shorten(text)}' is not an address with a prefix length");
            if (one.TryGetProperty("interface", out JsonElement index) && index.ValueKind != JsonValueKind.Null && (index.ValueKind != JsonValueKind.Number || !index.TryGetInt32(out int number) || number < 0 || number >= interfaces.Count))
                throw CniFields.Wrong("prevResult.ips.interface", "is not the index of an interface");
            if (!addresses.Contains(address)) addresses.Add(address);
        }
        foreach (JsonElement route in List(told, "routes"))
        {
            if (CniFields.Text(route, "dst", "prevResult.routes.") is null) throw CniFields.Wrong("prevResult.routes.dst", "is missing");
        }
        return new CniResult(told, own, addresses, interfaces);
    }

    /// <summary>Writes it as it was told, in the form of a version: what that does not have is left out, what it wants is put in.</summary>
    public void WriteTo(Utf8JsonWriter writer, string version)
    {
        ArgumentNullException.ThrowIfNull(writer);
        bool isNew = CniVersions.IsAtLeast(version, "1.0.0"), is11 = CniVersions.IsAtLeast(version, "1.1.0"), wasNew = CniVersions.IsAtLeast(_version, "1.0.0");
        writer.WriteStartObject();
        writer.WriteString("cniVersion", version);
        foreach (JsonProperty field in _told.EnumerateObject())
        {
            switch (field.Name)
            {
                case "cniVersion":
                    break;
                case "ips" when field.Value.ValueKind == JsonValueKind.Array && isNew != wasNew:
                    WriteList(writer, field, isNew ? ["version"] : [], isNew ? null : WriteFamily);
                    break;
                case "interfaces" when field.Value.ValueKind == JsonValueKind.Array && !is11:
                    WriteList(writer, field, InterfacesOf11, null);
                    break;
                case "routes" when field.Value.ValueKind == JsonValueKind.Array && !is11:
                    WriteList(writer, field, RoutesOf11, null);
                    break;
                default:
                    field.WriteTo(writer);
                    break;
            }
        }
        writer.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter writer, JsonProperty list, string[] without, Action<Utf8JsonWriter, JsonElement>? first)
    {
        writer.WriteStartArray(list.Name);
        foreach (JsonElement one in list.Value.EnumerateArray())
        {
            writer.WriteStartObject();
            first?.Invoke(writer, one);
            foreach (JsonProperty field in one.EnumerateObject().Where(f => !without.Contains(f.Name, StringComparer.Ordinal) && !(first is not null && f.NameEquals("version")))) field.WriteTo(writer);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    // The field "version" that addresses had until 0.4.0.
    private static void WriteFamily(Utf8JsonWriter writer, JsonElement ip) =>
        writer.WriteString("version", ParseAddress(ip.GetProperty("address").GetString()!)!.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? "6" : "4");

    private static IEnumerable<JsonElement> List(JsonElement of, string name)
    {
        if (!of.TryGetProperty(name, out JsonElement list) || list.ValueKind == JsonValueKind.Null) yield break;
        if (list.ValueKind != JsonValueKind.Array) throw CniFields.Wrong($"prevResult.{name}", "is not a list");
        foreach (JsonElement one in list.EnumerateArray())
            yield return one.ValueKind == JsonValueKind.Object ? one : throw CniFields.Wrong($"prevResult.{name}", "has something that is not an object");
    }

    private static IPAddress? ParseAddress(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !IPAddress.TryParse(text.AsSpan(0, slash), out IPAddress? address)) return null;
        bool is6 = address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        if (is6 ? address.ScopeId != 0 || text[0] == '[' : !text.AsSpan(0, slash).SequenceEqual(address.ToString())) return null; // "1" and "010.0.0.1" are addresses to inet_aton(3)
        return byte.TryParse(text.AsSpan(slash + 1), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out byte length) && length <= (is6 ? 128 : 32) ? address : null;
    }
}
