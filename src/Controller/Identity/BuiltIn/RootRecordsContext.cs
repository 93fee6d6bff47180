using System.Text.Json.Serialization;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>JSON of <see cref="RootRecord"/> without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(RootRecord[]))]
internal sealed partial class RootRecordsContext : JsonSerializerContext;
