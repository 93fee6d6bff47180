namespace Culvert.Generators;

/// <summary>Something the person who runs the generator must know; the message is all there is to say.</summary>
internal sealed class GeneratorException(string message) : Exception(message);
