using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Conditions on requests between model and wire.</summary>
internal static class RequestConditionsMapping
{
    /// <summary>The wire form.</summary>
    internal static Wire.RequestConditions ToWire(this RequestConditions conditions)
    {
        var wire = new Wire.RequestConditions();
        wire.Methods.AddRange(conditions.Methods);
        wire.NotMethods.AddRange(conditions.NotMethods);
        wire.Paths.AddRange(conditions.Paths.Select(p => p.Text));
        wire.NotPaths.AddRange(conditions.NotPaths.Select(p => p.Text));
        wire.Hosts.AddRange(conditions.Hosts.Select(p => p.Text));
        wire.NotHosts.AddRange(conditions.NotHosts.Select(p => p.Text));
        foreach (HeaderCondition header in conditions.Headers)
        {
            var wireHeader = new Wire.HeaderCondition { Name = header.Name };
            wireHeader.Values.AddRange(header.Values.Select(p => p.Text));
            wireHeader.NotValues.AddRange(header.NotValues.Select(p => p.Text));
            wire.Headers.Add(wireHeader);
        }

        return wire;
    }

    /// <summary>The model.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    internal static RequestConditions ToModel(this Wire.RequestConditions conditions) => new()
    {
        Methods = conditions.Methods.ToEquatableArray(),
        NotMethods = conditions.NotMethods.ToEquatableArray(),
        Paths = conditions.Paths.Select(PathPattern.Parse).ToEquatableArray(),
        NotPaths = conditions.NotPaths.Select(PathPattern.Parse).ToEquatableArray(),
        Hosts = ToPatterns(conditions.Hosts),
        NotHosts = ToPatterns(conditions.NotHosts),
        Headers = conditions.Headers.Select(h => new HeaderCondition { Name = FieldMapping.Required(h.Name, "headers.name"), Values = ToPatterns(h.Values), NotValues = ToPatterns(h.NotValues) }).ToEquatableArray(),
    };

    private static EquatableArray<StringPattern> ToPatterns(IEnumerable<string> patterns) => patterns.Select(StringPattern.Parse).ToEquatableArray();
}
