using System.Text.Json.Serialization;

namespace Culvert.Controller.Admission;

/// <summary>What is written as JSON; generated at compile time. What is asked is read as a tree: most of it is the object itself.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AdmissionReview))]
[JsonSerializable(typeof(WebhookPatch))]
internal sealed partial class AdmissionJson : JsonSerializerContext;
