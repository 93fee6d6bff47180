using Culvert.Core;
using Google.Protobuf.WellKnownTypes;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Rate limit services between model and wire.</summary>
internal static class GlobalRateLimitMapping
{
    /// <summary>The wire form.</summary>
    internal static Wire.GlobalRateLimit ToWire(this GlobalRateLimit global)
    {
        Wire.GlobalRateLimit wire = new()
        {
            ServiceNamespace = global.Service.Namespace,
            ServiceName = global.Service.Name,
            Port = global.Port,
            Domain = global.Domain,
            Timeout = global.Timeout.ToDuration(),
            RefusesOnFailure = global.RefusesOnFailure,
            Hits = (uint)global.Hits,
        };
        foreach (RateLimitDescriptor descriptor in global.Descriptors)
        {
            Wire.RateLimitDescriptor one = new();
            foreach (RateLimitEntry entry in descriptor.Entries) one.Entries.Add(new Wire.RateLimitEntry { Key = entry.Key, From = (Wire.RateLimitValue)(entry.From + 1), Value = entry.Value, Header = entry.Header });
            wire.Descriptors.Add(one);
        }

        return wire;
    }

    /// <summary>The model.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    internal static GlobalRateLimit ToModel(this Wire.GlobalRateLimit global)
    {
        GlobalRateLimit model = new()
        {
            Service = FieldMapping.ToName(global.ServiceNamespace, global.ServiceName),
            Port = global.Port is > 0 and <= ushort.MaxValue ? (ushort)global.Port : throw new FormatException($"global: port {global.Port} is none"),
            Domain = FieldMapping.Required(global.Domain, "domain"),
            Timeout = global.Timeout?.ToTimeSpan() ?? throw new FormatException("global: timeout is required"),
            RefusesOnFailure = global.RefusesOnFailure,
            Hits = global.Hits <= int.MaxValue ? (int)global.Hits : throw new FormatException($"global: {global.Hits} hits are too many"),
            Descriptors = global.Descriptors.Select(d => new RateLimitDescriptor { Entries = d.Entries.Select(ToModel).ToEquatableArray() }).ToEquatableArray(),
        };
        return model.IsValid ? model : throw new FormatException($"global: timeout {model.Timeout}, {model.Hits} hits or {model.Descriptors.Count} descriptors are not as they have to be");
    }

    private static RateLimitEntry ToModel(Wire.RateLimitEntry entry) => new()
    {
        Key = FieldMapping.Required(entry.Key, "key"),
        From = entry.From is >= Wire.RateLimitValue.Fixed and <= Wire.RateLimitValue.Path ? (RateLimitValue)(entry.From - 1) : throw new FormatException($"global: from {entry.From} is not known"),
        Value = entry.Value,
        Header = entry.Header,
    };
}
