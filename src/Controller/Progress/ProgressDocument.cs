using System.Text.Json;
using System.Text.Json.Serialization;
using Culvert.Core;

namespace Culvert.Controller.Progress;

/// <summary>What a controller tells others of the nodes whose streams it has. What it says of levels stays true however old it is.</summary>
/// <param name="Written">When.</param>
/// <param name="Levels">Nodes by how far they are.</param>
/// <param name="Refused">Why nodes refuse what they were sent last.</param>
public sealed record ProgressDocument(DateTimeOffset Written, IReadOnlyList<ProgressLevel> Levels, IReadOnlyDictionary<string, string> Refused)
{
    /// <summary>The nodes whose agents are connected to the controller that has written it, each once.</summary>
    [JsonIgnore]
    public IEnumerable<string> Nodes => Levels.SelectMany(l => l.Nodes);

    /// <summary>Reads what a controller has written.</summary>
    /// <exception cref="JsonException">It is none, or something in it is missing.</exception>
    public static ProgressDocument Read(string text) =>
        JsonSerializer.Deserialize(text, ProgressJson.Default.ProgressDocument) is { IsWhole: true } said ? said : throw new JsonException("something in it is null");

    // What somebody else has written may have anything in its lists.
    private bool IsWhole => Levels.All(l => l is { Read: not null, Nodes: not null } && l.Nodes.All(n => n is not null)) && Refused.Values.All(r => r is not null);

    /// <summary>Whether it says the same, whenever it was written.</summary>
    internal bool SaysTheSameAs(ProgressDocument other) =>
        Levels.Count == other.Levels.Count && Levels.Zip(other.Levels).All(p => p.First.SaysTheSameAs(p.Second))
        && Refused.HasEntriesOf(other.Refused);
}

/// <summary>Nodes that have all of what was read from the API server up to some versions.</summary>
/// <param name="Read">By kind (<c>plural.group</c>), the version (the API server's <c>resourceVersion</c>, whose order within a kind it guarantees since Kubernetes 1.35, and etcd always has).</param>
/// <param name="Nodes">The nodes, in order.</param>
public sealed record ProgressLevel(IReadOnlyDictionary<string, ulong> Read, IReadOnlyList<string> Nodes)
{
    /// <summary>Whether it says the same.</summary>
    internal bool SaysTheSameAs(ProgressLevel other) => Read.HasEntriesOf(other.Read) && Nodes.SequenceEqual(other.Nodes, StringComparer.Ordinal);
}

/// <summary>JSON of a <see cref="ProgressDocument"/>, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ProgressDocument))]
internal sealed partial class ProgressJson : JsonSerializerContext;
