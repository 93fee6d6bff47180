namespace Culvert.Controller.Objects;

/// <summary>Where an object was declared. Two origins are equal when nothing about the declaration has changed.</summary>
internal abstract record ObjectOrigin
{
    /// <summary>What holds the declaration: a file, or the API object itself. Declarations of one place that don't tell what they are keep what came from it in force.</summary>
    public abstract string Place { get; }

    /// <summary>The line within it, from 1; 0 where there are none.</summary>
    public virtual int Line => 0;

    /// <summary>The document it was read from, where it is to outlive its place; empty: it is kept there.</summary>
    public virtual string Text => "";

    /// <summary>The line of the place that <see cref="Text"/> begins on, from 1; 0 where there are none.</summary>
    public virtual int FirstLine => 0;

    /// <summary>When the object was made; null where nobody knows, as in a file. Declarations of one object differ in it when it was deleted and made again.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary>Short, for people and for policies' references.</summary>
    public sealed override string ToString() => Line > 0 ? $"{Place}:{Line}" : Place;
}
