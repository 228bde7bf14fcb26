namespace Mesh.Tests.E2E.Lab;

/// <summary>Is the one parameter of every scenario: short to be run often, or full as claims are quoted (<c>MESH_FULL=1</c>).</summary>
static class Lengths
{
    /// <summary>Chooses a count, size or number of rounds.</summary>
    public static T Of<T>(T quick, T full) => Requirements.Full ? full : quick;

    /// <summary>Chooses a time.</summary>
    public static TimeSpan Seconds(double quick, double full) => TimeSpan.FromSeconds(Of(quick, full));
}
