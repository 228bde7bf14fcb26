using Mesh.Actors.Events;

namespace Mesh.Actors.Registry;

/// <summary>Decides whose a machine is that joins again. Pure.</summary>
public static class NodeOwnership
{
    /// <summary>
    /// Returns the machine as it is in the network: whose credential it joins with, it is - but tags that an admin gave it stay.
    /// </summary>
    /// <param name="before">What it was, where it is in the network already.</param>
    /// <param name="isTaggedByAdmin">Whether its tags were an admin's word.</param>
    /// <param name="joining">What it joins as.</param>
    public static EnrolledNode Joining(EnrolledNode? before, bool isTaggedByAdmin, EnrolledNode joining) =>
        before is not null && isTaggedByAdmin ? joining with { Owner = before.Owner, Tags = before.Tags } : joining;
}
