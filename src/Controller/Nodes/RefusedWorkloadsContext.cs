using System.Text.Json.Serialization;

namespace Culvert.Controller.Nodes;

/// <summary>JSON of what <see cref="RefusedWorkloads"/> keeps, without reflection.</summary>
[JsonSerializable(typeof(Dictionary<string, string?[]?>))]
internal sealed partial class RefusedWorkloadsContext : JsonSerializerContext;
