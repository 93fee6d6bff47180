using System.Text.Json.Serialization;
using Culvert.Bench.Measuring;

namespace Culvert.Bench.Report;

/// <summary>JSON of results.json and machine.json.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(IReadOnlyList<Result>))]
[JsonSerializable(typeof(Machine))]
internal sealed partial class ResultsJson : JsonSerializerContext;
