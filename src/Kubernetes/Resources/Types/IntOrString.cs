using System.Globalization;
using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Resources;

/// <summary>A number, or a name that stands for one; ports are said so.</summary>
/// <param name="Number">The number, or null.</param>
/// <param name="Name">The name, or null.</param>
[JsonConverter(typeof(IntOrStringConverter))]
public sealed record IntOrString(int? Number, string? Name)
{
    /// <summary>A number.</summary>
    public static IntOrString Of(int number) => new(number, null);

    /// <summary>A name.</summary>
    public static IntOrString Of(string name) => new(null, name);

    /// <inheritdoc/>
    public override string ToString() => Name ?? Number?.ToString(CultureInfo.InvariantCulture) ?? "";
}
