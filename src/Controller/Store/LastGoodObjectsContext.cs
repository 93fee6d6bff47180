using System.Text.Json.Serialization;

namespace Culvert.Controller.Store;

/// <summary>JSON of <see cref="LastGoodObject"/> without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(LastGoodObject[]))]
internal sealed partial class LastGoodObjectsContext : JsonSerializerContext;
