namespace Mesh.Tests.E2E.Lab;

/// <summary>
/// Names the collection of scenarios that mostly wait, for a rekey or for the end of a validity: they keep the machine idle, and run beside
/// the others. What they measure must hold on a busy machine.
/// </summary>
static class Waiting
{
    /// <summary>The name.</summary>
    public const string Scenarios = "waiting";
}
