namespace Culvert.Controller.CustomResources;

/// <summary>The status that the controller writes into every object.</summary>
internal static class StatusSchema
{
    /// <summary>Its schema.</summary>
    public static SchemaNode Node { get; } = Nodes.Object(
        "What has become of the object. The controller writes it.",
        new SchemaField("observedGeneration", Generation("The generation of the object that this is about.")),
        new SchemaField("conditions", new(SchemaType.List)
        {
            Description = "Accepted: whether the object is good, by itself and beside all others. Programmed: whether its observed generation is in force on all nodes that have workloads of the mesh, and on how many it is.",
            Items = Condition,
            ListType = SchemaListType.Map,
            ListKeys = ["type"],
            Most = 8,
        }));

    private static SchemaNode Condition => Nodes.Object(
        "A condition, as Kubernetes has them.",
        new SchemaField("type", new(SchemaType.Text) { Description = "Accepted or Programmed.", Most = 316 }) { IsRequired = true },
        new SchemaField("status", Nodes.OneOf("Whether it holds.", "True", "False", "Unknown")) { IsRequired = true },
        new SchemaField("reason", Nodes.Text("Why, in one word.", "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", 1024)) { IsRequired = true },
        new SchemaField("message", new(SchemaType.Text) { Description = "Why, for people: field, reason and what would be right.", Most = 32768 }) { IsRequired = true },
        new SchemaField("observedGeneration", Generation("The generation of the object that the condition is about.")),
        new SchemaField("lastTransitionTime", new(SchemaType.Text) { Description = "When the condition's status changed last.", Format = "date-time" }) { IsRequired = true });

    private static SchemaNode Generation(string description) => new(SchemaType.Integer) { Description = description, Minimum = 0 };
}
