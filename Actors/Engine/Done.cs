namespace Mesh.Actors.Engine;

/// <summary>Says that something finished, where there is nothing else to say.</summary>
public sealed class Done
{
    /// <summary>The one instance.</summary>
    public static readonly Done Instance = new();

    Done() { }

    public override string ToString() => "Done";
}
