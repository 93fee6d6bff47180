using System.Net;
using Culvert.Core;
using Google.Protobuf;

namespace Culvert.Protocol;

/// <summary>Single fields between model and wire. Bad values throw <see cref="FormatException"/> naming the field.</summary>
internal static class FieldMapping
{
    public static ByteString ToWire(this IPAddress address) => ByteString.CopyFrom(address.GetAddressBytes());

    public static EquatableArray<IPAddress> ToAddresses(this IEnumerable<ByteString> addresses, string field) =>
        addresses.Select(a => ToAddress(a, field)).ToEquatableArray();

    public static IPAddress ToAddress(this ByteString address, string field) => address.Length is 4 or 16
        ? new IPAddress(address.Span)
        : throw new FormatException($"{field} holds an address of {address.Length} bytes; 4 or 16 are allowed");

    public static ushort ToPort(this uint port, string field) => port is > 0 and <= ushort.MaxValue
        ? (ushort)port
        : throw new FormatException($"{field} is {port}; 1..65535 is allowed");

    public static EquatableArray<ushort> ToPorts(this IEnumerable<uint> ports, string field) =>
        ports.Select(p => ToPort(p, field)).ToEquatableArray();

    public static EquatableArray<IpPrefix> ToPrefixes(this IEnumerable<string> prefixes) => prefixes.Select(IpPrefix.Parse).ToEquatableArray();

    public static NamespacedName ToName(string ns, string name) => ns.Length > 0 && name.Length > 0
        ? new(ns, name)
        : throw new FormatException("namespace and name must not be empty");

    public static string Required(string value, string field) => value.Length > 0 ? value : throw new FormatException($"{field} is empty");

    public static string? NullIfEmpty(this string value) => value.Length == 0 ? null : value;
}
