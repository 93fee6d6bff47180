using Culvert.Controller.Objects;

namespace Culvert.Controller.Sources;

/// <summary>What makes a declaration the same one: a file can hold an object twice, and documents that don't tell which object they are.</summary>
/// <param name="Place">What holds it (<see cref="ObjectOrigin.Place"/>).</param>
/// <param name="Object">The object; null when it could not be made out.</param>
/// <param name="Ordinal">Which of several for that object, or for none, in the place; from 0.</param>
internal readonly record struct DeclarationKey(string Place, ObjectKey? Object, int Ordinal = 0);
