/**
 * What is used of the SDK, in a module of our own that is loaded with the first request. The SDK is CommonJS: from a bundle, an
 * `import()` of it would give its default export and none of its names.
 */
export { GetObjectCommand, S3 } from "@aws-sdk/client-s3";
export { getSignedUrl } from "@aws-sdk/s3-request-presigner";
