namespace Culvert.Controller.CustomResources;

/// <summary>
/// A condition that no single field can say, as an API server checks it (CEL, Kubernetes 1.25 and newer). Older ones take what breaks it, so that the reader of the kind refuses the same: a test
/// compares them.
/// </summary>
/// <param name="Expression">The condition, of which <c>self</c> is the value that it stands at.</param>
/// <param name="Message">What is wrong where it does not hold.</param>
/// <param name="Refused">Which objects are refused for it, as the end of a sentence that begins with "An object is refused": for the reference.</param>
internal sealed record SchemaRule(string Expression, string Message, string Refused);
