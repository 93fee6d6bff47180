namespace Culvert.Core;

/// <summary>Something that an operator has to know of an object. Nothing in the mesh depends on it.</summary>
/// <param name="Severity">Whether the object is in force.</param>
/// <param name="File">The file, relative to the controller's folder.</param>
/// <param name="Line">The line, from 1; 0 when it is about the whole file.</param>
/// <param name="Object">The object as <c>Kind namespace/name</c>, or empty when it could not be made out.</param>
/// <param name="Field">The field as a path such as <c>spec.rules[0]</c>, or empty.</param>
/// <param name="Reason">What is wrong.</param>
/// <param name="Instead">What is in force in place of what an error is about.</param>
public sealed record ObjectProblem(ProblemSeverity Severity, string File, int Line, string Object, string Field, string Reason, InForceInstead Instead = InForceInstead.Nothing);
