using System.Text.Json.Serialization;

namespace Culvert.Cni;

/// <summary>The JSON of requests and answers, without reflection. What is not known, or stands there twice, is refused.</summary>
[JsonSourceGenerationOptions(UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, AllowDuplicateProperties = false, UseStringEnumConverter = false, MaxDepth = 8, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CniRequest))]
[JsonSerializable(typeof(CniAnswer))]
public sealed partial class CniJson : JsonSerializerContext;
