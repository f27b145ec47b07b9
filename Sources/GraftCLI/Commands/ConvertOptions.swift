import Foundation
import Graft

/// `graft convert`
enum ConvertOptions {
    static let library = Option.required(
        "to", .choice(of: Conversion.Library.self), "the library whose files are to be written")
    static let output = Option.required("output", .path("DIR"), "the adapter folder to write")

    static let command = CommandSpecification(
        name: "convert", summary: "writes an adapter in the files of another library",
        discussion: [
            "Reads the folder as Graft, PEFT or AdapterHub's library wrote it. Prints the largest difference between the"
                + " embeddings of both adapters on sample texts, and writes nothing if there is one worth the name."
        ],
        argument: .init(valueName: "DIR", help: "the adapter folder", count: .one),
        groups: [
            .init(
                "Data",
                [
                    SharedOptions.model.specification, library.specification, output.specification,
                    SharedOptions.allowOtherBase.specification,
                ]),
            SharedOptions.Machine.group,
            .init("Output", [SharedOptions.Output.json.specification, SharedOptions.Output.quiet.specification]),
        ])
}
